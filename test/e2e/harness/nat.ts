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
  const inside = await roomBehind(router, name, INSIDE, 29);
  await translates(router, nat);
  return inside;
}

/** A host with an address inside a router, by which it has its default route; the router forwards nothing yet. */
export async function roomBehind(
  router: Host,
  name: string,
  inside: { readonly router: string; readonly host: string },
  prefix: number,
): Promise<Host> {
  const namespace = await Namespace.make(name);
  await namespace.ip(`link add eth0 type veth peer name inside netns ${router.namespace.name}`);
  await namespace.ip(
    `address add ${inside.host}/${prefix} dev eth0`,
    'link set eth0 up',
    `route add default via ${inside.router}`,
  );
  await router.namespace.ip(`address add ${inside.router}/${prefix} dev inside`, 'link set inside up');
  return new Host(name, namespace, { ipv4: inside.host, ipv6: '' });
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
