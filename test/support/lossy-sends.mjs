// Preloaded (--import) into a process: drops a share of the datagrams it sends, the same ones for the same seed.
import { Socket } from 'node:dgram';

const share = Number(process.env.TEST_LOSS ?? '0');
let state = Number(process.env.TEST_SEED ?? '1') >>> 0;

/** mulberry32 */
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

const { send } = Socket.prototype;
Socket.prototype.send = function (...args) {
  if (random() >= share) return send.apply(this, args);
  const done = args.at(-1);
  if (typeof done === 'function') setImmediate(done, null, 0);
};
