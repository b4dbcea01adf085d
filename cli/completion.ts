// onced completion: a script for bash, zsh or fish, made from the commands themselves, so that it never lags behind them.

import { Argument, Command } from 'commander';

interface Words {
  /** Names from the program's first command down: `token create`; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly Described[];
  readonly flags: readonly Described[];
}

interface Described {
  readonly name: string;
  readonly description: string;
}

const SHELLS = { bash, zsh, fish } as const;
type Shell = keyof typeof SHELLS;

export function completionCommand(program: Command): Command {
  return new Command('completion')
    .description('print a script that completes commands and flags in a shell')
    .addArgument(new Argument('<shell>').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      `
Examples:
  source <(onced completion bash)               in ~/.bashrc
  source <(onced completion zsh)                in ~/.zshrc, after compinit
  onced completion fish > ~/.config/fish/completions/onced.fish
`,
    )
    .action((shell: Shell) => console.log(SHELLS[shell](wordsOf(program))));
}

function wordsOf(command: Command, path: readonly string[] = []): readonly Words[] {
  const flags = command.options.flatMap(({ long, description }) => (long ? [{ name: long, description }] : []));
  const own: Words = {
    path: path.join(' '),
    commands: command.commands.map((child) => ({ name: child.name(), description: child.description() })),
    flags: [...flags, { name: '--help', description: 'show help' }],
  };
  return [own, ...command.commands.flatMap((child) => wordsOf(child, [...path, child.name()]))];
}

const names = (list: readonly Described[]): string => list.map(({ name }) => name).join(' ');

/** The commands typed so far are words without a dash, as long as such a path exists. */
function bash(all: readonly Words[]): string {
  const cases = all.map(
    ({ path, commands, flags }) => `    '${path}') commands='${names(commands)}'; flags='${names(flags)}' ;;`,
  );
  return `# bash completion of onced: source <(onced completion bash)
_onced_words() {
  commands=''; flags=''
  case "$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
_onced() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' next word commands flags
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    next="\${path:+$path }$word"
    _onced_words "$next" && path="$next"
  done
  _onced_words "$path"
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$commands" -- "$current")) ;;
  esac
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _onced onced`;
}

/** zsh runs bash completions. */
function zsh(all: readonly Words[]): string {
  return `# zsh completion of onced: source <(onced completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bash(all)}`;
}

function fish(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, commands, flags }) => {
    const below = commands.map(({ name }) => name);
    const seen = path === '' ? [] : path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
    const here = [...seen, ...(below.length === 0 ? [] : [`not __fish_seen_subcommand_from ${below.join(' ')}`])];
    const when = `-n '${here.length === 0 ? 'true' : here.join('; and ')}'`;
    return [
      ...commands.map(({ name, description }) => `complete -c onced -f ${when} -a ${name} -d ${quoted(description)}`),
      ...flags.map(
        ({ name, description }) => `complete -c onced ${when} -l ${name.slice(2)} -d ${quoted(description)}`,
      ),
    ];
  });
  return ['# fish completion of onced: onced completion fish > ~/.config/fish/completions/onced.fish', ...lines].join(
    '\n',
  );
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
