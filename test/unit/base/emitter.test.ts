import { expect } from 'chai';
import { Emitter } from '../../../src/lib/base/emitter.js';

describe('an emitter', () => {
  it('tells listeners in the order they were added, each once, until they are removed', () => {
    const emitter = new Emitter<{ said: string; other: number }>();
    const heard: string[] = [];
    const first = (text: string): void => void heard.push(`first ${text}`);
    const remove = emitter.on('said', first);
    emitter.on('said', (text) => heard.push(`second ${text}`));
    emitter.on('said', first);
    emitter.emit('said', 'a');
    emitter.emit('other', 1);
    expect([heard.splice(0), emitter.listenerCount('said'), emitter.listenerCount('other')]).to.deep.equal([['first a', 'second a'], 2, 0]);
    remove();
    remove();
    emitter.emit('said', 'b');
    expect([heard, emitter.listenerCount('said')]).to.deep.equal([['second b'], 1]);
  });

  it('tells an event to those who listened when it came, whoever is added or removed meanwhile', () => {
    const emitter = new Emitter<{ said: string }>();
    const heard: string[] = [];
    emitter.on('said', (text) => {
      heard.push(`first ${text}`);
      remove();
      emitter.on('said', (later) => heard.push(`third ${later}`));
    });
    const remove = emitter.on('said', (text) => heard.push(`second ${text}`));
    emitter.emit('said', 'a');
    expect(heard.splice(0)).to.deep.equal(['first a', 'second a']);
    emitter.emit('said', 'b');
    expect(heard).to.deep.equal(['first b', 'third b']);
  });
});
