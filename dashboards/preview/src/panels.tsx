// The panels, drawn with Grafana's own components.
import React, { useEffect, useMemo, useState } from 'react';
import {
  applyFieldOverrides, cacheFieldDisplayNames, DataFrame, dateTime, FieldDisplay, getDisplayValueAlignmentFactors, getFieldDisplayValues,
  renderMarkdown, TimeRange, transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, PanelChrome, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { check, fieldConfigRegistry, problems, theme } from './grafana';
import { query, Span } from './prometheus';

const same = (s: string) => s;

async function load(panel: any, span: Span, variables: Record<string, string>): Promise<DataFrame[]> {
  const frames = (await Promise.all(panel.targets.map((t: any) => query(t, span, variables, panel.targets.length === 1)))).flat() as DataFrame[];
  if (!frames.some((f) => f.length > 0)) problems.push(panel.title + ': no data');
  const transformed = panel.transformations
    ? await new Promise<DataFrame[]>((done, fail) => transformDataFrame(panel.transformations, frames, { interpolate: same } as any).subscribe({ next: done, error: fail }))
    : frames;
  const data = applyFieldOverrides({ data: transformed, fieldConfig: panel.fieldConfig, fieldConfigRegistry, theme, timeZone: 'utc', replaceVariables: same } as any);
  cacheFieldDisplayNames(data);
  return data;
}

interface Drawn { panel: any; frames: DataFrame[]; range: TimeRange; width: number; height: number }

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

function Content(d: Drawn) {
  const { panel, frames, range, width, height } = d;
  switch (panel.type) {
    case 'timeseries':
      return <TimeSeries frames={frames} structureRev={1} width={width} height={height} timeRange={range} timeZone="utc" legend={panel.options.legend} options={panel.options} />;
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

export function Panel({ panel, span, variables, width, height, done }: { panel: any; span: Span; variables: Record<string, string>; width: number; height: number; done: () => void }) {
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
          <Content panel={panel} frames={frames} range={range} width={innerWidth} height={innerHeight} />
        ) : null
      }
    </PanelChrome>
  );
}
