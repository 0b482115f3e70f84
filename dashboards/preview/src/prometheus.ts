// Asks a real Prometheus, as Grafana's data source does.
import { createDataFrame, DataFrame, FieldType } from '@grafana/data';
import { problems } from './grafana';

const scrapeInterval = 60; // of the data source, as provisioned

export interface Span { from: number; to: number } // seconds

export async function api(path: string, parameters: Record<string, string>) {
  const answer = await fetch('/prometheus/api/v1/' + path, { method: 'POST', body: new URLSearchParams(parameters) });
  const json = await answer.json();
  if (json.status !== 'success') throw new Error(json.error);
  return json.data;
}

// values are what the variables stand for.
export function interpolate(text: string, values: Record<string, string>) {
  return text.replace(/\$\{?(\w+)\}?/g, (all, name) => {
    if (values[name] === undefined) problems.push('unknown variable ' + all);
    return values[name] ?? all;
  });
}

const legend = (format: string, labels: Record<string, string>) => format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '');

// step is that of Grafana for a graph of some 600 points.
const step = (span: Span) => Math.max(scrapeInterval / 4, Math.ceil((span.to - span.from) / 600 / 15) * 15);

export async function query(target: any, span: Span, variables: Record<string, string>, only: boolean): Promise<DataFrame[]> {
  const interval = step(span);
  const expr = interpolate(target.expr, { ...variables, __rate_interval: Math.max(interval + scrapeInterval, 4 * scrapeInterval) + 's', __interval: interval + 's', __range: Math.round(span.to - span.from) + 's' });
  if (target.instant) {
    const data = await api('query', { query: expr, time: String(span.to) });
    return target.format === 'table' ? [table(target, data.result, only)] : data.result.map((r: any) => series(target, r, [r.value], 0));
  }
  const data = await api('query_range', { query: expr, start: String(span.from), end: String(span.to), step: String(interval) });
  return data.result.map((r: any) => series(target, r, gaps(r.values, interval), interval));
}

// gaps puts nothing where a series has a gap, so that no line is drawn over it.
function gaps(values: Array<[number, string]>, interval: number) {
  return values.flatMap((v, i): Array<[number, string | null]> =>
    i > 0 && v[0] - values[i - 1][0] > 1.5 * interval ? [[values[i - 1][0] + interval, null], v] : [v]
  );
}

function series(target: any, result: any, values: Array<[number, string | null]>, interval: number): DataFrame {
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: values.map((v) => v[0] * 1000), config: { interval: interval * 1000 || undefined } },
      { name: 'Value', type: FieldType.number, labels: result.metric, values: values.map((v) => (v[1] === null ? null : Number(v[1]))), config: { displayNameFromDS: legend(target.legendFormat, result.metric) } },
    ],
  });
}

function table(target: any, results: any[], only: boolean): DataFrame {
  const labels = [...new Set(results.flatMap((r) => Object.keys(r.metric)))].sort() as string[];
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: results.map((r) => r.value[0] * 1000) },
      ...labels.map((l) => ({ name: l, type: FieldType.string, values: results.map((r) => r.metric[l] ?? '') })),
      { name: only ? 'Value' : 'Value #' + target.refId, type: FieldType.number, values: results.map((r) => Number(r.value[1])) },
    ],
  });
}

// Mark is an event, or a time for which it lasted, in milliseconds.
export interface Mark { from: number; to: number; colour: string }

// marks asks for a dashboard's annotations.
export async function marks(list: any[], span: Span, variables: Record<string, string>): Promise<Mark[]> {
  const interval = Math.max(step(span), scrapeInterval);
  const of = async (a: any) => {
    const data = await api('query_range', { query: interpolate(a.expr, { ...variables, __range: Math.round(span.to - span.from) + 's' }), start: String(span.from), end: String(span.to), step: String(interval) });
    const found: Mark[] = [];
    for (const { values } of data.result) {
      let last: Mark | undefined;
      for (const [t, v] of values as Array<[number, string]>) {
        const at = a.useValueForTime ? Number(v) : t * 1000;
        if (last && (a.useValueForTime ? at === last.from : at <= last.to + interval * 1500)) last.to = at;
        else found.push((last = { from: at, to: at, colour: a.iconColor }));
      }
    }
    return found.filter((m) => m.from >= span.from * 1000);
  };
  return (await Promise.all(list.map(of))).flat();
}
