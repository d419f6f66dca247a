import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export const packageRoot = resolve(import.meta.dirname, '../..');
const bin = resolve(packageRoot, 'bin/macula.js');

/** Longer than any command of the tests takes on a busy machine. */
const limitMs = 15_000;

export interface CliOptions {
  /** Added to a clean environment; no variable of Macula is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** User and group to run as, where not those of the tests; only root can. */
  readonly uid?: number;
  readonly gid?: number;
  /** Whether the command gets a pipe as its stdin; nothing is there otherwise. */
  readonly stdin?: 'pipe';
}

export interface CliResult {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** This process's environment without anything that changes what commands do or print. */
export function cleanEnvironment(added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(MACULA_|NODE_|NO_COLOR|FORCE_COLOR|CI$)/.test(name));
  return { ...Object.fromEntries(inherited), ...added };
}

/** Starts the built command line; nothing is connected to its stdin. */
export function spawnMacula(args: readonly string[], options: CliOptions = {}): ChildProcess {
  const { cwd, uid, gid, env, stdin = 'ignore' } = options;
  return spawn(process.execPath, [bin, ...args], { cwd, env: cleanEnvironment(env), stdio: [stdin, 'pipe', 'pipe'], ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) });
}

/** Runs the built command line to its end. */
export function macula(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return finished(spawnMacula(args, options));
}

/** Runs a line of bash in which `macula` is the built command line. */
export function bash(line: string, options: CliOptions = {}): Promise<CliResult> {
  const script = `macula() { "${process.execPath}" "${bin}" "$@"; }\n${line}`;
  return finished(spawn('bash', ['-c', script], { cwd: options.cwd, env: cleanEnvironment(options.env), stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** All a process prints until it ends; one that takes too long is killed. */
export function finished(child: ChildProcess, withinMs = limitMs): Promise<CliResult> {
  return new Promise((resolveResult, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const limit = setTimeout(() => {
      stderr += `\nnot ended within ${withinMs} ms, so it was killed\n`;
      child.kill('SIGKILL');
    }, withinMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      if (signal) stderr += `\nended by ${signal}\n`;
      resolveResult({ code, stdout, stderr });
    });
  });
}

export interface FailureJson {
  schemaVersion: number;
  error: { code: string; message: string; hint: string; details: Record<string, unknown> };
}

/** The one JSON object a command printed. @throws Error if stdout holds anything else */
export function onlyObject<Shape = Record<string, unknown>>({ stdout }: CliResult): Shape & { schemaVersion: number } {
  const lines = stdout.split('\n');
  if (lines.length !== 2 || lines[1] !== '' || !lines[0]!.startsWith('{"schemaVersion":1')) throw new Error(`not one JSON object:\n${stdout}`);
  return JSON.parse(lines[0]!) as Shape & { schemaVersion: number };
}

export interface ManifestCommand {
  id: string;
  summary?: string;
  description?: string;
  examples?: { description: string; command: string }[];
  flags: Record<string, { name: string; description?: string; type: string }>;
  args: Record<string, { name: string; required?: boolean }>;
  needsNode: boolean;
}

/** All commands as the built manifest describes them. */
export function manifestCommands(): ManifestCommand[] {
  const manifest = JSON.parse(readFileSync(resolve(packageRoot, 'oclif.manifest.json'), 'utf8')) as { commands: Record<string, ManifestCommand> };
  return Object.values(manifest.commands);
}

/** An example's command line as help prints it. */
export function exampleLine(command: ManifestCommand, example: { command: string }): string {
  return example.command.replaceAll('<%= config.bin %>', 'macula').replaceAll('<%= command.id %>', command.id.replaceAll(':', ' '));
}
