export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** How each shell is told about the script. */
export const shellSetup: Record<Shell, string> = {
  bash: 'source <(macula completion bash)',
  zsh: 'source <(macula completion zsh)',
  fish: 'macula completion fish > ~/.config/fish/completions/macula.fish',
};

export interface CompletableCommand {
  /** `['peers', 'list']` */
  readonly words: readonly string[];
  readonly summary: string;
  /** Names without dashes. */
  readonly flags: readonly string[];
}

/** A completion script that knows all commands and flags by itself. */
export function completionScript(shell: Shell, commands: readonly CompletableCommand[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(commands);
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
    case 'fish':
      return fishScript(commands);
  }
}

/** What may follow each beginning of a command: `'' → cert node peers`, `peers → list connect …`. */
function continuations(commands: readonly CompletableCommand[]): Map<string, Set<string>> {
  const following = new Map<string, Set<string>>();
  for (const { words } of commands) {
    words.forEach((word, index) => {
      const before = words.slice(0, index).join(' ');
      following.set(before, (following.get(before) ?? new Set()).add(word));
    });
  }
  return following;
}

function bashScript(commands: readonly CompletableCommand[]): string {
  const cases = [...continuations(commands)].map(([before, words]) => `    "${before}") candidates="${[...words].join(' ')}" ;;`);
  const flagCases = commands.map(({ words, flags }) => `    "${words.join(' ')}") candidates="${flags.map((flag) => `--${flag}`).join(' ')}" ;;`);
  return `_macula() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" candidates="" word index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    [[ "$word" == -* ]] && break
    path="\${path:+$path }$word"
  done
  if [[ "$current" == -* ]]; then
    while :; do
      case "$path" in
${flagCases.join('\n')}
      esac
      [[ -n "$candidates" || "$path" != *" "* ]] && break
      path="\${path% *}"
    done
  else
    case "$path" in
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$candidates" -- "$current"))
}
complete -o default -F _macula macula
`;
}

function fishScript(commands: readonly CompletableCommand[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = ['complete -c macula -f'];
  // Begins with a word of ours, as fish puts nothing at all in the place of an empty list.
  const typed = '(string join " " macula (commandline -opc)[2..])';
  for (const [before, words] of continuations(commands)) {
    const condition = before === '' ? '__fish_use_subcommand' : `test ${typed} = ${quote(`macula ${before}`)}`;
    for (const word of words) {
      const summary = commands.find((command) => command.words.join(' ') === `${before} ${word}`.trim())?.summary;
      lines.push(`complete -c macula -n ${quote(condition)} -a ${word}${summary === undefined ? '' : ` -d ${quote(summary)}`}`);
    }
  }
  for (const { words, flags } of commands) {
    const condition = `string match -q -- ${quote(`macula ${words.join(' ')}*`)} ${typed}`;
    for (const flag of flags) lines.push(`complete -c macula -n ${quote(condition)} -l ${flag}`);
  }
  return `${lines.join('\n')}\n`;
}
