import { Box, render, Text, useInput, useStdout, type Key as InkKey } from 'ink';
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { SegmentStyle } from './segments.js';
import { layout } from './top-layout.js';
import { initialState, pressKey, shownRows, type Key } from './top-state.js';
import type { TopView } from './top-view.js';

/** Where the dashboard gets what it shows, and what it says about its end. */
export interface DashboardSource {
  /** Calls back with each view, and with why there is none. */
  subscribe(listener: (view: TopView | undefined, trouble: string | undefined) => void): () => void;
  /** Ctrl-C: raw terminals send no signal for it. */
  interrupt(): void;
}

export interface DashboardSettings {
  readonly colour: boolean;
  readonly unicode: boolean;
}

/** The screen that programs like editors have, apart from what was there before (xterm's private mode 1049). */
const enterScreen = '\u001b[?1049h\u001b[H';
const leaveScreen = '\u001b[?1049l';

/** Shows the dashboard until somebody quits or the signal aborts; the terminal is then as it was. */
export async function showDashboard(source: DashboardSource, settings: DashboardSettings, signal: AbortSignal): Promise<void> {
  const leave = (): void => void process.stdout.write(leaveScreen);
  process.stdout.write(enterScreen);
  process.once('exit', leave);
  const app = render(<Dashboard source={source} settings={settings} onQuit={() => app.unmount()} />, { exitOnCtrlC: false, patchConsole: false });
  const onAbort = (): void => app.unmount();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await app.waitUntilExit();
  } finally {
    signal.removeEventListener('abort', onAbort);
    process.removeListener('exit', leave);
    leave();
  }
}

function Dashboard({ source, settings, onQuit }: { source: DashboardSource; settings: DashboardSettings; onQuit: () => void }): ReactElement {
  const size = useTerminalSize();
  const [state, setState] = useState(initialState);
  const [{ view, trouble }, setShown] = useState<{ view: TopView | undefined; trouble: string | undefined }>({ view: undefined, trouble: undefined });
  // Keys come faster than screens: each goes on from what the last one made of the state, drawn or not.
  const latest = useRef(initialState);

  useEffect(() => source.subscribe((next, why) => setShown((shown) => ({ view: next === undefined || (latest.current.paused && shown.view) ? shown.view : next, trouble: why }))), [source]);
  useInput((text, pressed) => {
    if (pressed.ctrl && text === 'c') return source.interrupt();
    for (const key of keysOf(text, pressed)) {
      const next = pressKey(latest.current, key, view ? shownRows(view.rows, latest.current) : []);
      if (!next) return onQuit();
      latest.current = next;
    }
    setState(latest.current);
  });

  // A screen filled to its last line scrolls when that ends.
  const height = Math.max(1, size.rows - 1);
  if (!view) return <Text>{trouble ?? 'asking the node …'}</Text>;
  const lines = layout(view, state, { width: size.columns, height, unicode: settings.unicode, trouble });
  return (
    <Box flexDirection="column" height={height}>
      {lines.map((line, index) => (
        <Text key={index} wrap="truncate">
          {line.map(({ text, styles }, part) => (
            <Text key={part} {...propsOf(styles, settings.colour)}>
              {text}
            </Text>
          ))}
        </Text>
      ))}
    </Box>
  );
}

function useTerminalSize(): { columns: number; rows: number } {
  const { stdout } = useStdout();
  const measure = (): { columns: number; rows: number } => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  const [size, setSize] = useState(measure);
  useEffect(() => {
    const onResize = (): void => setSize(measure());
    stdout.on('resize', onResize);
    return () => void stdout.off('resize', onResize);
  }, [stdout]);
  return size;
}

function propsOf(styles: readonly SegmentStyle[], colour: boolean): Record<string, unknown> {
  const named = styles.find((style) => ['red', 'green', 'yellow', 'cyan'].includes(style));
  return {
    bold: styles.includes('bold'),
    dimColor: styles.includes('dim'),
    inverse: styles.includes('inverse'),
    ...(colour && named !== undefined && { color: named }),
  };
}

/** What was typed, or pasted, as keys. */
function keysOf(text: string, pressed: InkKey): Key[] {
  if (pressed.upArrow) return ['up'];
  if (pressed.downArrow) return ['down'];
  if (pressed.pageUp) return ['pageUp'];
  if (pressed.pageDown) return ['pageDown'];
  if (pressed.return) return ['return'];
  if (pressed.escape) return ['escape'];
  if (pressed.backspace || pressed.delete) return ['backspace'];
  if (pressed.ctrl || pressed.meta) return [];
  return [...text].map((character) => ({ text: character }));
}
