// What Grafana's own application registers when it starts: how the configuration
// of fields is applied, and the transformations.
import {
  createTheme, FieldType, Registry, standardTransformers, standardTransformersRegistry, getValueFormats, fieldColorModeRegistry, fieldMatchers, fieldReducers,
  booleanOverrideProcessor, dataLinksOverrideProcessor, displayNameOverrideProcessor, identityOverrideProcessor, numberOverrideProcessor,
  locationUtil, stringOverrideProcessor, thresholdsOverrideProcessor, unitOverrideProcessor, valueMappingsOverrideProcessor,
} from '@grafana/data';

export const asked = new URLSearchParams(location.search);
const mode = asked.get('theme') === 'light' ? 'light' : 'dark';
export const theme = createTheme({ colors: { mode } });

locationUtil.initialize({ config: { appUrl: '', appSubUrl: '' }, getVariablesUrlParams: () => ({}), getTimeRangeForUrl: () => ({}) } as any); // for links

// problems are what a reader of the dashboard would stumble over.
export const problems: string[] = [];

const property = (id: string, process: unknown, isCustom = false) => ({
  id: isCustom ? 'custom.' + id : id, path: id, name: id, isCustom, process,
  shouldApply: () => true, getItemsCount: () => 0, editor: () => null, override: () => null,
});

const standard: Array<[string, unknown]> = [
  ['unit', unitOverrideProcessor], ['decimals', numberOverrideProcessor], ['min', numberOverrideProcessor], ['max', numberOverrideProcessor],
  ['displayName', displayNameOverrideProcessor], ['noValue', stringOverrideProcessor], ['color', identityOverrideProcessor],
  ['thresholds', thresholdsOverrideProcessor], ['mappings', valueMappingsOverrideProcessor], ['links', dataLinksOverrideProcessor],
  ['filterable', booleanOverrideProcessor],
];

const drawn = [
  'drawStyle', 'lineInterpolation', 'lineWidth', 'lineStyle', 'fillOpacity', 'gradientMode', 'showPoints', 'spanNulls', 'stacking', 'thresholdsStyle',
  'axisPlacement', 'axisLabel', 'axisSoftMin', 'axisSoftMax', 'scaleDistribution', 'align', 'cellOptions', 'filterable', 'inspect', 'width', 'minWidth',
];

export const fieldConfigRegistry = new Registry<any>(() => [
  ...standard.map(([id, process]) => property(id, process)),
  ...drawn.map((id) => property(id, identityOverrideProcessor, true)),
]);

const transformers = new Map(Object.values(standardTransformers).map((t: any) => [t.id, t]));
standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((t: any) => ({ id: t.id, name: t.name, transformation: () => Promise.resolve(t), editor: () => null }) as any)
);

const units = new Set(getValueFormats().flatMap((group) => group.submenu.map((unit) => unit.value)));

// check looks up in Grafana's own lists what a panel names.
export function check(panel: any) {
  const config = panel.fieldConfig;
  const wrong = (what: string, name: unknown) => problems.push(`${panel.title}: Grafana has no ${what} ${JSON.stringify(name)}`);
  const checkProperty = (id: string, value: any) => {
    if (id === 'unit' && !units.has(value)) wrong('unit', value);
    if (id === 'color' && !fieldColorModeRegistry.getIfExists(value.mode)) wrong('colour mode', value.mode);
    if (id.startsWith('custom.') ? !drawn.includes(id.slice(7)) : !standard.some(([known]) => known === id)) wrong('property', id);
  };
  for (const [id, value] of Object.entries(config.defaults)) {
    if (id !== 'custom') checkProperty(id, value);
    else Object.keys(value as object).forEach((key) => checkProperty('custom.' + key, null));
  }
  for (const override of config.overrides) {
    if (!fieldMatchers.getIfExists(override.matcher.id)) wrong('matcher', override.matcher.id);
    for (const p of override.properties) checkProperty(p.id, p.value);
  }
  for (const t of panel.transformations ?? []) if (!transformers.has(t.id)) wrong('transformation', t.id);
  for (const calc of [...(panel.options.reduceOptions?.calcs ?? []), ...(panel.options.legend?.calcs ?? [])]) {
    if (!fieldReducers.getIfExists(calc)) wrong('calculation', calc);
  }
}

export { FieldType };
