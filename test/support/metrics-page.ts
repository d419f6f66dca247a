/** A family of metrics as the Prometheus text format declares it. */
export interface Family {
  readonly help: string;
  readonly type: string;
}

/** The samples of a Prometheus text: name with labels → value. @throws Error on a line that is neither sample nor comment, and on doubles */
export function samplesOf(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-z_:][a-z0-9_:]* .+$/.test(line)) continue;
    const match = /^([a-z_:][a-z0-9_:]*(?:\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})?) (-?[0-9.e+-]+|NaN|\+Inf)$/i.exec(line);
    if (!match || found.has(match[1]!)) throw new Error(`not a sample, or one twice: ${line}`);
    found.set(match[1]!, Number(match[2]));
  }
  return found;
}

export function families(text: string): Map<string, Family> {
  const helps = new Map([...text.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name, help]) => [name!, help!]));
  return new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, { type: type!, help: helps.get(name!) ?? '' }]));
}
