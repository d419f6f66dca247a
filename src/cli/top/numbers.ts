import { humanMs } from '../text.js';

/** Numbers as the dashboard writes them: short, and a dash where nothing is known. */

const unknown = '-';
const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.2 MiB`, `340 KiB`, `12 B`: two or more digits, eight characters at most. */
export function bytesText(bytes: number | null): string {
  if (bytes === null) return unknown;
  let value = bytes;
  let unit = 0;
  // 1,000 of a unit take a column more than 1 of the next.
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${byteUnits[unit]}`;
}

export function byteRateText(bytesPerSecond: number | null): string {
  return bytesPerSecond === null ? unknown : `${bytesText(bytesPerSecond)}/s`;
}

/** `0/s`, `0.5/s`, `12/s`, `1.2k/s`, `34k/s` */
export function rateText(perSecond: number | null): string {
  if (perSecond === null) return unknown;
  if (perSecond === 0) return '0/s';
  if (perSecond < 0.05) return '<0.1/s';
  if (perSecond < 9.95) return `${perSecond.toFixed(1)}/s`;
  if (perSecond < 999.5) return `${perSecond.toFixed(0)}/s`;
  if (perSecond < 9950) return `${(perSecond / 1000).toFixed(1)}k/s`;
  return perSecond < 999_500 ? `${(perSecond / 1000).toFixed(0)}k/s` : `${(perSecond / 1e6).toFixed(1)}M/s`;
}

export function timeText(ms: number | null): string {
  if (ms === null) return unknown;
  return ms < 10_000 ? humanMs(ms) : `${(ms / 1000).toFixed(1)} s`;
}

export function countText(count: number | null): string {
  return count === null ? unknown : Math.round(count).toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

export function percentText(share: number | null): string {
  if (share === null) return unknown;
  // 100 % is said only of all, 0 % only of nothing.
  const percent = share >= 1 ? 100 : share <= 0 ? 0 : Math.min(99, Math.max(1, Math.round(share * 100)));
  return `${percent} %`;
}
