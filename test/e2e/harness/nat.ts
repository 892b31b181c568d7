/**
 * A host behind a NAT that keeps strangers out, on a stage of routed subnets: the subnet's own host becomes its router.
 *
 *     inside ── router ── internet
 *     .202      .201
 */
import { Host } from './host.js';
import { Namespace } from './namespace.js';

/** The same inside of all routers, as private addresses often are. */
export const INSIDE = { router: '198.51.100.201', host: '198.51.100.202' } as const;

/** `masquerade` keeps one port for all destinations where it can; `random` takes a random one for each; `UDP blocked` lets TCP out and nothing else. */
export type Nat = 'none' | 'masquerade' | 'random' | 'UDP blocked';

/** The host itself, or one behind it, which it translates for and lets nobody in to. What's behind it is removed by `leave`. */
export async function behind(router: Host, nat: Nat, name: string): Promise<Host> {
  if (nat === 'none') return router;
  const inside = await Namespace.make(name);
  await inside.ip(`link add eth0 type veth peer name inside netns ${router.namespace.name}`);
  await inside.ip(
    `address add ${INSIDE.host}/29 dev eth0`,
    'link set eth0 up',
    `route add default via ${INSIDE.router}`,
  );
  await router.namespace.ip(`address add ${INSIDE.router}/29 dev inside`, 'link set inside up');
  await translates(router, nat);
  return new Host(name, inside, { ipv4: INSIDE.host, ipv6: '' });
}

/** Makes a host a router that translates for whoever is behind it, out of its eth0, and lets nothing in that nobody there asked for. */
export async function translates(router: Host, nat: Exclude<Nat, 'none'> = 'masquerade'): Promise<void> {
  await router.namespace.sysctl({ 'net/ipv4/ip_forward': 1 });
  const translate = nat === 'random' ? 'masquerade fully-random' : 'masquerade';
  const input = rules(translate, nat === 'UDP blocked' ? 'meta l4proto udp drop' : '');
  const { code, stderr } = await router.namespace.run('nft', ['-f', '-'], { input });
  if (code !== 0) throw new Error(`nft on ${router.name}: ${stderr}`);
}

function rules(translate: string, blocked: string): string {
  return `
    table ip p2ptest {
      chain translate {
        type nat hook postrouting priority srcnat
        oifname "eth0" ${translate}
      }
      chain forwarded {
        type filter hook forward priority filter
        ${blocked}
        iifname "eth0" ct state new drop
      }
      chain own {
        type filter hook input priority filter
        iifname "eth0" meta l4proto udp ct state new drop
      }
    }
`;
}

/** The router forgets all its mappings, as when it's switched off and on. */
export async function forgetMappings(router: Host): Promise<void> {
  await router.must('conntrack', '-F');
}

/** A host that the stage doesn't know is ended here. */
export async function leave(host: Host): Promise<void> {
  if (host.addresses.ipv6 !== '') return;
  await host.killDaemon('SIGTERM');
  host.remove();
}
