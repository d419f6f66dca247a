import { until } from '../integration/session/node-fixture.js';
import { killOneAmid, PubSubCrowd } from '../support/pubsub-crowd.js';

/** A node starts in half a second of processor time, most of it Node.js itself; `npm run soak crowd` gives each of the fifty a process. */
const crowd = new PubSubCrowd({ processes: 10, nodesEach: 5, loss: 0.1, seed: 1 });
const messages = 200;

describe(`a topic with ${crowd.size} subscribers in 10 processes, a tenth of all that they and their publisher send lost`, function () {
  this.timeout(180_000);

  before(() => crowd.start());
  after(() => crowd.close());

  it('every subscriber gets every message exactly once and in order, but for those that are killed in the middle', () =>
    killOneAmid(crowd, messages, (condition, what) => until(condition, what, 100_000)));
});
