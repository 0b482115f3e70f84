// The panels, drawn with Grafana's own components.
import React, { useEffect, useMemo, useState } from 'react';
import {
  applyFieldOverrides, cacheFieldDisplayNames, DataFrame, dateTime, FieldDisplay, getDisplayValueAlignmentFactors, getFieldDisplayValues,
  renderMarkdown, TimeRange, transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, PanelChrome, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { asked, check, fieldConfigRegistry, problems, theme } from './grafana';
import { Mark, query, Span } from './prometheus';

const same = (s: string) => s;

async function load(panel: any, span: Span, variables: Record<string, string>): Promise<DataFrame[]> {
  const frames = (await Promise.all(panel.targets.map((t: any) => query(t, span, variables, panel.targets.length === 1)))).flat() as DataFrame[];
  if (!frames.some((f) => f.length > 0) && !asked.has('empty')) problems.push(panel.title + ': no data');
  const transformed = panel.transformations
    ? await new Promise<DataFrame[]>((done, fail) => transformDataFrame(panel.transformations, frames, { interpolate: same } as any).subscribe({ next: done, error: fail }))
    : frames;
  const data = applyFieldOverrides({ data: transformed, fieldConfig: panel.fieldConfig, fieldConfigRegistry, theme, timeZone: 'utc', replaceVariables: same } as any);
  cacheFieldDisplayNames(data);
  return data;
}

interface Drawn { panel: any; frames: DataFrame[]; range: TimeRange; marks: Mark[]; width: number; height: number }

function Values({ panel, frames, width, height, bars }: Drawn & { bars: boolean }) {
  const o = panel.options;
  const getValues = () =>
    getFieldDisplayValues({ fieldConfig: panel.fieldConfig, reduceOptions: o.reduceOptions, replaceVariables: same, theme, data: frames, sparkline: o.graphMode === 'area', timeZone: 'utc' } as any);
  const draw = ({ value, width, height, alignmentFactors, orientation, count }: any) => {
    const v: FieldDisplay = value;
    return bars ? (
      <BarGauge theme={theme} width={width} height={height} value={v.display} field={v.field} display={v.view?.getFieldDisplayProcessor(v.colIndex!)} alignmentFactors={alignmentFactors}
        orientation={orientation} displayMode={o.displayMode} valueDisplayMode={o.valueMode} namePlacement={o.namePlacement} showUnfilled={o.showUnfilled} itemSpacing={8} lcdCellWidth={8} text={o.text} />
    ) : (
      <BigValue theme={theme} width={width} height={height} value={v.display} count={count} sparkline={v.sparkline} colorMode={o.colorMode} graphMode={o.graphMode} justifyMode={o.justifyMode}
        textMode={o.textMode} wideLayout={o.wideLayout} alignmentFactors={alignmentFactors} text={o.text} />
    );
  };
  return (
    <VizRepeater getValues={getValues} getAlignmentFactors={getDisplayValueAlignmentFactors} renderValue={draw} width={width} height={height} source={frames} autoGrid={!bars} itemSpacing={bars ? 8 : 3}
      renderCounter={0} orientation={o.orientation} minVizHeight={o.minVizHeight} minVizWidth={o.minVizWidth} maxVizHeight={bars ? o.maxVizHeight : undefined} />
  );
}

// drawMarks draws annotations as Grafana does: a line where one begins and ends, and a
// bar below where it lasts.
function drawMarks(marks: Mark[]) {
  return (u: any) => {
    const { ctx, bbox } = u, right = bbox.left + bbox.width;
    ctx.save();
    for (const m of marks) {
      const x = (t: number) => Math.min(right, u.valToPos(t, 'x', true)), from = x(m.from), to = x(m.to);
      ctx.fillStyle = ctx.strokeStyle = theme.visualization.getColorByName(m.colour);
      ctx.setLineDash([5, 5]);
      for (const at of new Set([from, to])) {
        if (at === right) continue;
        ctx.beginPath(); ctx.moveTo(at, bbox.top); ctx.lineTo(at, bbox.top + bbox.height); ctx.stroke();
      }
      if (to > from) ctx.fillRect(from, bbox.top + bbox.height, to - from, 4);
      else { ctx.beginPath(); ctx.moveTo(from, bbox.top + bbox.height); ctx.lineTo(from - 5, bbox.top + bbox.height + 6); ctx.lineTo(from + 5, bbox.top + bbox.height + 6); ctx.fill(); }
    }
    ctx.restore();
  };
}

const marked = new WeakSet();

function Content(d: Drawn) {
  const { panel, frames, range, marks, width, height } = d;
  if (panel.type !== 'stat' && !frames.some((f) => f.length > 0)) {
    return <div style={{ width, height, display: 'flex', alignItems: 'center', justifyContent: 'center', textAlign: 'center', padding: 8 }}>{panel.fieldConfig.defaults.noValue}</div>;
  }
  switch (panel.type) {
    case 'timeseries':
      return <TimeSeries frames={frames} structureRev={1} width={width} height={height} timeRange={range} timeZone="utc" legend={panel.options.legend} options={panel.options}>
        {(config: any) => {
          if (!marked.has(config)) config.addHook('draw', drawMarks(marks));
          marked.add(config);
          return null;
        }}
      </TimeSeries>;
    case 'stat':
    case 'bargauge':
      return <Values {...d} bars={panel.type === 'bargauge'} />;
    case 'table':
      return (
        <div style={{ width, height }}>
          <TableNG data={frames[0]} width={width} height={height} cellHeight={panel.options.cellHeight} sortBy={panel.options.sortBy} fieldConfig={panel.fieldConfig} getActions={() => []} frozenColumns={0} />
        </div>
      );
  }
  problems.push(`${panel.title}: nothing here draws a ${panel.type}`);
  return null;
}

export function Panel({ panel, span, variables, marks, width, height, done }: { panel: any; span: Span; variables: Record<string, string>; marks: Mark[]; width: number; height: number; done: () => void }) {
  const [frames, setFrames] = useState<DataFrame[]>();
  const range = useMemo(() => {
    const from = dateTime(span.from * 1000), to = dateTime(span.to * 1000);
    return { from, to, raw: { from, to } };
  }, [span]);
  useEffect(() => {
    if (panel.type === 'text') return done();
    check(panel);
    load(panel, span, variables).then(setFrames, (e) => problems.push(`${panel.title}: ${e.message}`)).finally(done);
  }, []);
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height} padding={panel.type === 'table' ? 'none' : 'md'}>
      {(innerWidth, innerHeight) =>
        panel.type === 'text' ? (
          <div className="markdown-html" dangerouslySetInnerHTML={{ __html: renderMarkdown(panel.options.content) }} />
        ) : frames ? (
          <Content panel={panel} frames={frames} range={range} marks={marks} width={innerWidth} height={innerHeight} />
        ) : null
      }
    </PanelChrome>
  );
}
