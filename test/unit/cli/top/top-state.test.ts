import { expect } from 'chai';
import { initialState, pressKey, shownRows, sortKeys, type Key, type TopState } from '../../../../src/cli/top/top-state.js';
import { TopHistory, type PeerRow } from '../../../../src/cli/top/top-view.js';
import { peer, snapshot } from './top-fixtures.js';

const history = new TopHistory();
history.add(snapshot(0, { peers: [peer('a'), peer('b'), peer('c')] }));
const rows = history.add(
  snapshot(1000, {
    peers: [
      peer('a', { rttMs: 5, bytesSent: 10, bytesReceived: 1, address: '192.0.2.10:1' }),
      peer('b', { rttMs: 1, bytesSent: 20, bytesReceived: 3, address: '192.0.2.9:1', path: 'relay', relay: 'feedf00d'.padEnd(64, '0') }),
      peer('c', { rttMs: null, bytesSent: 30, bytesReceived: 2, address: '192.0.2.8:1', path: null, state: 'waiting' }),
    ],
  }),
).rows;

/** The state after these keys; characters are typed. */
function after(keys: readonly Key[], from: TopState = initialState, shown: readonly PeerRow[] = rows): TopState | undefined {
  return keys.reduce<TopState | undefined>((state, key) => state && pressKey(state, key, shown), from);
}
const typed = (text: string): Key[] => [...text].map((character) => ({ text: character }));
const ids = (state: Partial<TopState>): string => shownRows(rows, { ...initialState, ...state }).map(({ key }) => key[0]).join('');

describe('the keys of top', () => {
  it('quit, except where q is a letter', () => {
    expect(after(typed('q'))).to.equal(undefined);
    expect(after(typed('hq'))).to.equal(undefined);
    expect(after(typed('/q'))).to.include({ mode: 'filter', filter: 'q' });
    expect(after(['return', ...typed('q')])).to.equal(undefined);
  });

  it('go round the columns, and turn the order', () => {
    expect(after(typed('s'))).to.include({ sort: 'sent', reversed: false });
    expect(after(typed('s'.repeat(sortKeys.length)))).to.include({ sort: initialState.sort });
    expect(after(typed('r'))).to.include({ reversed: true });
    expect(after(typed('rs'))).to.include({ reversed: false });
  });

  it('edit a filter, keep it with return, drop it with escape, and take no control characters', () => {
    expect(after([...typed('/ab'), 'backspace', ...typed('\u0007c\u001b')])).to.include({ mode: 'filter', filter: 'ac' });
    expect(after([...typed('/ab'), 'return'])).to.include({ mode: 'list', filter: 'ab' });
    expect(after([...typed('/ab'), 'return', 'escape'])).to.include({ mode: 'list', filter: '' });
    expect(after([...typed('/ab'), 'escape'])).to.include({ mode: 'list', filter: '' });
    expect(after(typed(`/${'x'.repeat(1000)}`))!.filter).to.have.length(64);
  });

  it('choose a row, stop at the ends, and look into it', () => {
    const key = (index: number): string => rows[index]!.key;
    expect(after(['down'])!.selected).to.equal(key(0));
    expect(after(['up'])!.selected).to.equal(key(2));
    expect(after(['down', 'down', 'up', 'up', 'up'])!.selected).to.equal(key(0));
    expect(after([...typed('jjk'), 'pageDown', 'pageDown'])!.selected).to.equal(key(2));
    expect(after(['down', 'return'])).to.include({ mode: 'peer', selected: key(0) });
    expect(after(['return'])).to.include({ mode: 'peer', selected: key(0) });
    expect(after(['return', 'down'])).to.include({ mode: 'peer', selected: key(1) });
    expect(after(['return', 'escape'])).to.include({ mode: 'list', selected: key(0) });
    expect(after(['return'], initialState, [])).to.include({ mode: 'list' });
    expect(after(['down'], { ...initialState, selected: 'gone' })!.selected).to.equal(key(0));
  });

  it('pause and go on; show help and go back', () => {
    expect([after(typed(' '))!.paused, after(typed('pp'))!.paused]).to.deep.equal([true, false]);
    expect(after(typed('h'))).to.include({ mode: 'help' });
    expect(after(typed('?x'))).to.include({ mode: 'list' });
    expect(after(typed('z'))).to.deep.equal(initialState);
  });
});

describe('the rows top shows', () => {
  it('are sorted by any column either way, connected ones first', () => {
    expect(ids({ sort: 'rtt' })).to.equal('bac');
    expect(ids({ sort: 'rtt', reversed: true })).to.equal('abc');
    expect(ids({ sort: 'node' })).to.equal('abc');
    expect(ids({ sort: 'address' })).to.equal('bac');
    expect(ids({ sort: 'path' })).to.equal('abc');
    expect(ids({ sort: 'sent' })).to.equal('bac');
    expect(ids({ sort: 'received' })).to.equal('bac');
  });

  it('are those that have the filter in id, address, path, relay or state', () => {
    expect([ids({ filter: 'B0' }), ids({ filter: '2.10' }), ids({ filter: 'relay' }), ids({ filter: 'feedf00d' }), ids({ filter: 'wait' }), ids({ filter: 'nobody' })]).to.deep.equal(['b', 'a', 'b', 'b', 'c', '']);
  });
});
