import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';

/** The kernel's table of IPv4 routes. */
const routesFile = '/proc/net/route';
/** RTF_UP and RTF_GATEWAY (linux/route.h). */
const upAndGateway = 0x0003;

/** The IPv4 gateway of the default route with the lowest metric. Undefined where there is none, and on systems other than Linux. */
export async function defaultGateway(): Promise<string | undefined> {
  return readFile(routesFile, 'utf8').then(readRoutes, () => undefined);
}

/** Reads the table as the kernel prints it: addresses are hexadecimal numbers in the machine's byte order, all supported ones being little-endian. */
export function readRoutes(table: string): string | undefined {
  const routes = table.split('\n').slice(1).flatMap((line) => {
    const [, destination, gateway, flags, , , metric, mask] = line.split('\t').map((field) => field.trim());
    const isDefault = destination === '00000000' && mask === '00000000' && (parseInt(flags ?? '', 16) & upAndGateway) === upAndGateway;
    const host = isDefault && gateway?.length === 8 ? Buffer.from(gateway, 'hex').reverse().join('.') : '';
    return isIPv4(host) ? [{ host, metric: Number(metric) }] : [];
  });
  return routes.sort((a, b) => a.metric - b.metric)[0]?.host;
}
