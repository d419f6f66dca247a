import { answerCalls } from './child-calls.js';
import { LossyPath, type PathFaults } from './lossy-path.js';

const paths: LossyPath[] = [];

answerCalls({
  start: ({ serverPort, faults }: { serverPort: number; faults: PathFaults }) => {
    const path = new LossyPath(faults);
    paths.push(path);
    return path.start(serverPort);
  },
  close: () => paths.pop()?.close(),
});
