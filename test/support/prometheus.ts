import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>;
  /** Time and value. */
  readonly value: readonly [number, string];
}

export interface PrometheusRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

/** The real Prometheus, on a free port of loopback, scraping and evaluating rules every second. */
export class Prometheus {
  readonly #process: ChildProcess;
  readonly #url: string;

  private constructor(process: ChildProcess, address: string) {
    this.#process = process;
    this.#url = `http://${address}/api/v1/`;
  }

  /** @param directory empty, for its configuration and data; @param targets HOST:PORT of pages of metrics; @param ruleFiles absolute paths */
  static async start(directory: string, targets: readonly string[], ruleFiles: readonly string[]): Promise<Prometheus> {
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ruleFiles,
      scrape_configs: [{ job_name: 'macula', static_configs: [{ targets }] }],
    };
    const file = join(directory, 'prometheus.yml');
    // JSON is YAML.
    await writeFile(file, JSON.stringify(config));
    const child = spawn('prometheus', [`--config.file=${file}`, `--storage.tsdb.path=${join(directory, 'data')}`, '--web.listen-address=127.0.0.1:0', '--log.format=json'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const said: string[] = [];
    let address: string | undefined;
    for await (const line of createInterface({ input: child.stderr! })) {
      said.push(line);
      address ??= /"address":"(127\.0\.0\.1:[1-9]\d*)"/.exec(line)?.[1];
      // It listens before it answers.
      if (address === undefined || !line.includes('Server is ready to receive web requests')) continue;
      // It goes on to log, into a pipe that somebody has to empty.
      child.stderr!.resume();
      return new Prometheus(child, address);
    }
    throw new Error(`Prometheus ended:\n${said.join('\n')}`);
  }

  /** What an expression yields now. @throws Error where Prometheus does not understand it */
  async query(expr: string): Promise<PrometheusSample[]> {
    const response = await fetch(new URL(`query?${new URLSearchParams({ query: expr })}`, this.#url));
    const body = (await response.json()) as { status: string; error?: string; data: { result: PrometheusSample[] } };
    if (body.status !== 'success') throw new Error(`${expr}: ${body.error}`);
    return body.data.result;
  }

  async rules(): Promise<PrometheusRule[]> {
    const response = await fetch(new URL('rules', this.#url));
    const body = (await response.json()) as { data: { groups: { rules: PrometheusRule[] }[] } };
    return body.data.groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }
}
