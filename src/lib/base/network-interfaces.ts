import { networkInterfaces as read, type NetworkInterfaceInfo } from 'node:os';

let last: NodeJS.Dict<NetworkInterfaceInfo[]> = {};

/** The network interfaces of this machine as os.networkInterfaces; those there were where the system has no descriptor left to look with. */
export function networkInterfaces(): NodeJS.Dict<NetworkInterfaceInfo[]> {
  try {
    return (last = read());
  } catch {
    return last;
  }
}
