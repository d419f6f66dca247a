import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { Pins, type PinRecord } from '../../../src/lib/identity/pins.js';
import { MemoryKeyValue } from '../../support/memory-key-value.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const first = '11'.repeat(32);
const second = '22'.repeat(32);
const url = 'https://boot.example:4433';

function setUp(): { pins: Pins; store: MemoryKeyValue<PinRecord>; clock: VirtualClock } {
  const store = new MemoryKeyValue<PinRecord>();
  const clock = new VirtualClock(1_000_000);
  return { pins: new Pins({ store, clock }), store, clock };
}

function thrown(action: () => unknown): MaculaError {
  try {
    action();
  } catch (error) {
    return error as MaculaError;
  }
  throw new Error('nothing was thrown');
}

describe('pins', () => {
  it('call the first id at a URL first use, and remember nothing until told to', () => {
    const { pins, store } = setUp();
    expect(pins.check(url, first)).to.equal('first-use');
    expect(pins.check(url, second)).to.equal('first-use');
    expect(store.writes).to.equal(0);
  });

  it('match the remembered id and refuse any other, saying what to run', async () => {
    const { pins } = setUp();
    await pins.pin(url, first);
    expect(pins.check(url, first)).to.equal('match');
    const error = thrown(() => pins.check(url, second));
    expect(error.code).to.equal('MACULA_PIN_MISMATCH');
    expect(error.details).to.deep.equal({ url, expected: first, got: second });
    expect(error.hint).to.contain('`macula peers trust https://boot.example:4433`');
    expect(pins.pinned(url)).to.equal(first);
  });

  for (const written of ['boot.example', 'HTTPS://Boot.Example/', 'boot.example:4433', `macula://${second}@BOOT.example`]) {
    it(`know ${written} as the same place`, async () => {
      const { pins } = setUp();
      await pins.pin(written, first);
      expect(pins.check(url, first)).to.equal('match');
      expect(thrown(() => pins.check(written, second)).code).to.equal('MACULA_PIN_MISMATCH');
    });
  }

  it('know another port as another place', async () => {
    const { pins } = setUp();
    await pins.pin(url, first);
    expect(pins.check('https://boot.example:4434', second)).to.equal('first-use');
  });

  it('take the new id after pinning again, and any after unpinning', async () => {
    const { pins } = setUp();
    await pins.pin(url, first);
    await pins.pin(url, second);
    expect(pins.check(url, second)).to.equal('match');
    await pins.unpin('boot.example');
    expect(pins.check(url, first)).to.equal('first-use');
  });

  it('deny an id until it is allowed again', async () => {
    const { pins } = setUp();
    await pins.deny(first);
    expect(pins.isDenied(first)).to.equal(true);
    expect(pins.isDenied(second)).to.equal(false);
    await pins.allow(first);
    await pins.allow(second);
    expect(pins.isDenied(first)).to.equal(false);
  });

  it('outlive their object, as the store does', async () => {
    const { pins, store, clock } = setUp();
    await pins.pin(url, first);
    await pins.deny(second);
    const later = new Pins({ store, clock });
    expect(later.check(url, first)).to.equal('match');
    expect(later.isDenied(second)).to.equal(true);
  });

  it('are listed with the time they were made', async () => {
    const { pins, clock } = setUp();
    await pins.pin(url, first);
    clock.advance(500);
    await pins.deny(second);
    expect(pins.list()).to.deep.equal([
      { kind: 'denied', nodeId: second, sinceMs: 1_000_500 },
      { kind: 'pinned', url, nodeId: first, sinceMs: 1_000_000 },
    ]);
  });

  it('refuse what is no URL, and pass on a failing store', async () => {
    const { pins, store } = setUp();
    expect(thrown(() => pins.check('http://x', first)).code).to.equal('MACULA_USAGE');
    store.failure = new MaculaError('MACULA_STORE_FAILED', 'full');
    expect(await pins.pin(url, first).catch((error: unknown) => error)).to.equal(store.failure);
    expect(pins.check(url, second)).to.equal('first-use');
  });
});
