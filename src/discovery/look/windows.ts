/** Windows: one script for PowerShell, whose objects say the same in every language of the system. */
import { win32 } from 'node:path';
import * as v from 'valibot';
import { isIpv6, parseIp } from '../../core/ip.js';
import { FLAG, flagKey } from '../addresses.js';
import { type Found, type Look, NOTHING } from './found.js';

/** Enumerations become numbers, and what's empty a list. Only single quotes, so that nothing has to be escaped for a command line. */
const SCRIPT = [
  "$ErrorActionPreference='SilentlyContinue'",
  '[Console]::OutputEncoding=[Text.Encoding]::UTF8',
  "$r=@(Get-NetRoute -DestinationPrefix '0.0.0.0/0','::/0'|Select-Object InterfaceAlias,NextHop,RouteMetric,InterfaceMetric)",
  "$a=@(Get-NetIPAddress -AddressFamily IPv6|Select-Object IPAddress,PrefixLength,@{n='State';e={[int]$_.AddressState}},@{n='Suffix';e={[int]$_.SuffixOrigin}})",
  "$i=@(Get-NetIPInterface|Select-Object @{n='Family';e={[int]$_.AddressFamily}},@{n='Forwarding';e={[int]$_.Forwarding}})",
  'ConvertTo-Json -Compress -Depth 3 @{routes=$r;addresses=$a;interfaces=$i}',
].join(';');

export function windowsLook(environment: NodeJS.ProcessEnv): Look {
  const system32 = win32.join(environment['SystemRoot'] ?? 'C:\\Windows', 'System32');
  const powershell = win32.join(system32, 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  return {
    calls: [[powershell, '-NoProfile', '-NonInteractive', '-Command', SCRIPT]],
    parse: ([text = '']) => parseWindows(text),
  };
}

const metric = v.pipe(v.number(), v.minValue(0));
const ANSWER = v.object({
  routes: v.array(
    v.object({ InterfaceAlias: v.string(), NextHop: v.string(), RouteMetric: metric, InterfaceMetric: metric }),
  ),
  addresses: v.array(
    v.object({ IPAddress: v.string(), PrefixLength: v.number(), State: v.number(), Suffix: v.number() }),
  ),
  interfaces: v.array(v.object({ Family: v.number(), Forwarding: v.number() })),
});
type Answer = v.InferOutput<typeof ANSWER>;

function parseWindows(text: string): Found {
  const parsed = v.safeParse(ANSWER, readJson(text));
  if (!parsed.success) return NOTHING;
  const { routes, addresses, interfaces } = parsed.output;
  return {
    routes: routes
      .map((route) => ({ metric: route.RouteMetric + route.InterfaceMetric, ...hopOf(route) }))
      .sort((a, b) => a.metric - b.metric)
      .flatMap(({ gateway, device }) => (gateway === null ? [] : [{ gateway, device }])),
    flags: addressFlags(addresses),
    forwards: { ipv4: forwards(interfaces, AF_INET), ipv6: forwards(interfaces, AF_INET6) },
  };
}

/** Of <winsock2.h>. */
const AF_INET = 2;
const AF_INET6 = 23;
/** MSFT_NetIPInterface: Forwarding. */
const ENABLED = 1;

/** The setting is each interface's. */
function forwards(interfaces: Answer['interfaces'], family: number): boolean | null {
  const all = interfaces.filter(({ Family }) => Family === family);
  return all.length === 0 ? null : all.some(({ Forwarding }) => Forwarding === ENABLED);
}

/** `0.0.0.0` and `::` stand for none: on-link. */
function hopOf({ NextHop, InterfaceAlias: device }: Answer['routes'][number]) {
  const gateway = parseIp(NextHop.replace(/%.*/, ''));
  return { gateway: gateway === '0.0.0.0' || gateway === '::' ? null : gateway, device };
}

/** MSFT_NetIPAddress: AddressState. */
const STATE_FLAGS: ReadonlyMap<number, number> = new Map([
  [1, FLAG.tentative],
  [2, FLAG.dadFailed],
  [3, FLAG.deprecated],
]);
/** MSFT_NetIPAddress: SuffixOrigin. Lasting addresses are random as well, but have the length of their subnet; temporary ones have 128. */
const RANDOM = 5;

function addressFlags(addresses: Answer['addresses']): Map<string, number> {
  return new Map(
    addresses.flatMap(({ IPAddress, PrefixLength, State, Suffix }) => {
      const ip = parseIp(IPAddress.replace(/%.*/, ''));
      if (ip === null || !isIpv6(ip)) return [];
      const temporary = Suffix === RANDOM && PrefixLength === 128 ? FLAG.temporary : 0;
      return [[flagKey(ip), (STATE_FLAGS.get(State) ?? 0) | temporary] as const];
    }),
  );
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
}
