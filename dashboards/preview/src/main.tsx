// A page that draws one dashboard from a Prometheus behind the same address.
import React from 'react';
import { createRoot } from 'react-dom/client';
import { dateTimeFormat, ThemeContext } from '@grafana/data';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import 'uplot/dist/uPlot.min.css';
import { asked, problems, theme } from './grafana';
import { Panel } from './panels';
import { Mark, marks, Span } from './prometheus';

// Grafana's own measures of the grid.
const cell = 30, gap = 8, width = Number(asked.get('width')), phone = width < 769, pad = phone ? 8 : 16;
const column = (width - 2 * pad + gap) / 24;

const box: React.CSSProperties = { border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, padding: '4px 8px', background: theme.colors.background.primary };

function Head({ dashboard, span }: { dashboard: any; span: Span }) {
  const time = (s: number) => dateTimeFormat(s * 1000, { timeZone: 'utc', format: 'YYYY-MM-DD HH:mm' });
  return (
    <div style={{ padding: `12px ${pad}px`, color: theme.colors.text.primary }}>
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 16, alignItems: 'center' }}>
        <h3 style={{ margin: 0, flexGrow: 1 }}>{dashboard.title}</h3>
        {dashboard.links.map((l: any) => <span key={l.title} style={{ color: theme.colors.text.link }}>{l.title}</span>)}
        <span style={box}>{time(span.from)} to {time(span.to)} UTC</span>
      </div>
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 12, marginTop: 10 }}>
        {dashboard.templating.list.filter((v: any) => v.hide !== 2).map((v: any) => (
          <span key={v.name}><span style={{ ...box, background: theme.colors.background.secondary }}>{v.label}</span><span style={box}>{v.name === 'datasource' ? 'Prometheus' : [v.current.text].flat().join(' + ')}</span></span>
        ))}
      </div>
    </div>
  );
}

class Guard extends React.Component<{ title: string; children: React.ReactNode }, { failed?: string }> {
  state: { failed?: string } = {};
  static getDerivedStateFromError = (e: Error) => ({ failed: e.message });
  componentDidCatch(e: Error) { problems.push(`${this.props.title}: ${e.stack}`); }
  render() { return this.state.failed ?? this.props.children; }
}

interface Placed { panel: any; x: number; y: number; w: number; h: number }

// place puts panels where Grafana does: those of rows that are opened move down what
// follows; on a phone, each has the whole width.
function place(panels: any[]): Placed[] {
  const all: Placed[] = [];
  let down = 0, bottom = 0;
  const put = (panel: any) => {
    const g = panel.gridPos;
    const at = phone ? { x: 0, y: bottom, w: 24, h: g.h } : { ...g, y: g.y + down };
    all.push({ ...at, panel });
    bottom = Math.max(bottom, at.y + at.h);
  };
  for (const p of panels) {
    put(p);
    if (!p.panels?.length || asked.has('closed')) continue;
    p.panels.forEach(put);
    if (!phone) down = bottom - p.gridPos.y - 1;
  }
  return all;
}

function Dashboard({ dashboard, placed, span, variables, marks, done }: { dashboard: any; placed: Placed[]; span: Span; variables: Record<string, string>; marks: Mark[]; done: () => void }) {
  const bottom = Math.max(...placed.map((p) => p.y + p.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles /><PortalContainer />
      <div data-dashboard style={{ width, background: theme.colors.background.canvas, paddingBottom: pad }}>
        <Head dashboard={dashboard} span={span} />
        <div style={{ position: 'relative', height: bottom * (cell + gap) }}>
          {placed.map((g) => {
            const p = g.panel, w = g.w * column - gap, h = g.h * (cell + gap) - gap;
            return (
              <div key={p.id} style={{ position: 'absolute', left: pad + g.x * column, top: g.y * (cell + gap), width: w, height: h }}>
                {p.type === 'row' ? <h5 style={{ margin: 0, lineHeight: h + 'px', color: theme.colors.text.primary }}>{p.collapsed && asked.has('closed') ? '›' : '⌄'} {p.title}</h5>
                  : <Guard title={p.title}><Panel panel={p} span={span} variables={variables} marks={marks} width={w} height={h} done={done} /></Guard>}
              </div>
            );
          })}
        </div>
      </div>
    </ThemeContext.Provider>
  );
}

const hours = (from: string) => Number(/^now-(\d+)h$/.exec(from)![1]);

async function draw() {
  await Promise.all([document.fonts.load('400 14px Inter'), document.fonts.load('500 14px Inter')]); // texts are measured
  const dashboard = await (await fetch('/dashboard.json')).json();
  const to = Number(asked.get('now'));
  const span = { from: to - hours(dashboard.time.from) * 3600, to };
  const variables: Record<string, string> = {};
  for (const v of dashboard.templating.list) variables[v.name] = v.includeAll ? v.allValue : v.current.value;
  const placed = place(dashboard.panels);
  const found = await marks(dashboard.annotations.list, span, variables);
  let waiting = placed.filter((p) => p.panel.type !== 'row').length;
  (window as any).problems = problems;
  const done = () => { if (--waiting === 0) (window as any).drawn = true; };
  createRoot(document.getElementById('root')!).render(<Dashboard dashboard={dashboard} placed={placed} span={span} variables={variables} marks={found} done={done} />);
}

draw();
