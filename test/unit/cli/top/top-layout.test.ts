import { expect } from 'chai';
import fc from 'fast-check';
import { byteRateText, bytesText, percentText, rateText } from '../../../../src/cli/top/numbers.js';
import { plainText, type Line } from '../../../../src/cli/top/segments.js';
import { layout, plainSnapshot, type Screen } from '../../../../src/cli/top/top-layout.js';
import { initialState, type TopState } from '../../../../src/cli/top/top-state.js';
import { TopHistory, type Snapshot, type TopView } from '../../../../src/cli/top/top-view.js';
import { status } from '../../../integration/control/fixture.js';
import { metrics, peer, snapshot } from './top-fixtures.js';

const small: Screen = { width: 80, height: 24, unicode: true };

function viewOf(over: Partial<Snapshot> = {}): TopView {
  const history = new TopHistory();
  history.add(snapshot(0, over));
  return history.add(snapshot(1000, over));
}

function textOf(view: TopView, state: Partial<TopState> = {}, screen: Partial<Screen> = {}): string {
  return layout(view, { ...initialState, ...state }, { ...small, ...screen }).map(plainText).join('\n');
}

const widthOf = (line: Line): number => line.reduce((sum, { text }) => sum + text.length, 0);
const many = Array.from({ length: 40 }, (_, index) => peer(String(10 + index), { rttMs: index + 1 }));

describe('the screen of top', () => {
  it('has exactly as many lines and columns as the terminal, whatever that is and whatever is shown', () => {
    const modes = ['list', 'filter', 'peer', 'help'] as const;
    const warnings = Array.from({ length: 5 }, (_, index) => ({ code: `w${index}`, severity: 'low', message: 'x'.repeat(200), fix: 'f' }) as const);
    const view = viewOf({ peers: [...many, peer('f', { address: '[2001:db8:1111:2222:3333:4444:5555:6666]:65535', path: 'relay', relay: 'e'.repeat(64) })], status: { ...status, warnings, realm: 'r'.repeat(255) } });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60 }), fc.constantFrom(...modes), fc.boolean(), (width, height, mode, unicode) => {
        const lines = layout(view, { ...initialState, mode, selected: view.rows[3]!.key }, { width, height, unicode, trouble: 'gone' });
        expect(lines).to.have.length(height);
        for (const line of lines) expect(widthOf(line)).to.equal(width);
      }),
    );
  });

  it('shows the node, its traffic by path, calls, messages, DHT, pool and every peer at 80 by 24', () => {
    const text = textOf(viewOf({ peers: [peer('ab', { address: '198.51.100.7:4433' }), peer('cd', { path: 'relay', relay: 'feedf00d'.padEnd(64, '0'), rttMs: 80 })], status: { ...status, nat: { type: 'port-restricted', mapping: 'unknown', filtering: 'unknown' } } }));
    for (const part of ['macula top  abababab', 'ready for 1s', 'nat port-restricted', 'traffic', 'rpc calls', 'served', 'published', 'delivered', 'holds', '1 of 10, hits 50 %', 'NODE', 'ab000000 198.51.100.7:4433', 'via feedf00d', '80.0 ms', 'q quit']) expect(text).to.include(part);
  });

  it('says what share went straight', () => {
    const bytes = { 'macula_transport_path_bytes_total{path="direct",direction="sent"}': 999, 'macula_transport_path_bytes_total{path="relay",direction="sent"}': 1 };
    expect(textOf(viewOf({ metrics: metrics(bytes) }))).to.match(/direct 99 % ━+/);
    expect(textOf(viewOf())).to.not.include('direct 1');
  });

  it('keeps the chosen row on the screen and marks it', () => {
    const view = viewOf({ peers: many });
    const text = textOf(view, { selected: view.rows[35]!.key });
    expect(text).to.include(`▸ ${view.rows[35]!.key.slice(0, 8)}`);
    expect(textOf(view)).to.not.include(view.rows[35]!.key.slice(0, 8));
  });

  it('tells a list without peers from one that a filter empties, and how many it leaves', () => {
    expect(textOf(viewOf())).to.include('no peers');
    const view = viewOf({ peers: many });
    expect(textOf(view, { filter: 'nobody' })).to.include('no peer fits the filter').and.to.include('0 of 40 have "nobody"');
  });

  it('looks into a peer, and says when that is gone', () => {
    const view = viewOf({ peers: [peer('ab', { state: 'waiting', path: null, error: 'MACULA_UNREACHABLE: no answer' })] });
    const text = textOf(view, { mode: 'peer', selected: view.rows[0]!.key });
    expect(text).to.include(`node       ${'ab'.padEnd(64, '0')}`).and.to.include('error      MACULA_UNREACHABLE: no answer').and.to.include('escape back');
    expect(textOf(view, { mode: 'peer', selected: 'gone' })).to.include('this peer is gone');
  });

  it('says in words when there is nothing newer, and when it is paused', () => {
    expect(textOf(viewOf(), {}, { trouble: 'no node is running for /d' })).to.include('▲ no node is running for /d').and.to.include('NO ANSWER');
    expect(textOf(viewOf(), { paused: true })).to.include('PAUSED');
  });

  it('shows the gravest warnings and counts the rest', () => {
    const warning = (code: string, severity: 'low' | 'medium' | 'high'): TopView['status']['warnings'][number] => ({ code, severity, message: 'm', fix: 'f' });
    const text = textOf(viewOf({ status: { ...status, warnings: [warning('small', 'low'), warning('grave', 'high'), warning('some', 'medium')] } }));
    expect(text).to.include('grave: m').and.to.include('2 more warnings').and.to.not.include('small');
  });

  it('hands no control character of a peer to the terminal, and no Unicode to one that has none', () => {
    const evil = 'x\u001b[2J\u0007\u009b';
    const view = viewOf({ peers: [peer('ab', { address: evil, state: 'waiting', path: null, error: evil })], status: { ...status, realm: evil, warnings: [{ code: 'w', severity: 'high', message: evil, fix: evil }] } });
    for (const mode of ['list', 'peer'] as const) {
      const lines = layout(view, { ...initialState, mode, selected: view.rows[0]!.key, filter: '' }, { ...small, unicode: false, trouble: evil });
      for (const line of lines) for (const { text } of line) expect(text).to.match(/^[\x20-\x7e]*$/);
    }
  });

  it('is all peers as text where there is no terminal', () => {
    const text = plainSnapshot(viewOf({ peers: many }), 120, false);
    for (const { nodeId } of many) expect(text).to.include(nodeId!.slice(0, 8));
    expect(text).to.not.include('q quit');
  });
});

describe('numbers of top', () => {
  it('stay within their columns', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e14, noNaN: true }), (value) => {
      expect(bytesText(value).length).to.be.at.most(8);
      expect(byteRateText(value).length).to.be.at.most(10);
    }));
    fc.assert(fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (value) => void expect(rateText(value).length).to.be.at.most(9)));
  });

  it('say all of all only, and a dash where nothing is known', () => {
    expect([percentText(1), percentText(0.9999), percentText(0.0001), percentText(0), percentText(null)]).to.deep.equal(['100 %', '99 %', '1 %', '0 %', '-']);
    expect([bytesText(null), byteRateText(null), rateText(null)]).to.deep.equal(['-', '-', '-']);
    expect([bytesText(0), bytesText(1023), bytesText(1536), bytesText(20 * 1024)]).to.deep.equal(['0 B', '1.0 KiB', '1.5 KiB', '20 KiB']);
    expect([rateText(0), rateText(0.01), rateText(1.25), rateText(1234), rateText(1e6)]).to.deep.equal(['0/s', '<0.1/s', '1.3/s', '1.2k/s', '1.0M/s']);
  });
});
