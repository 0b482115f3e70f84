package testkit

import (
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Samples reads an exposition in Prometheus's text format: each sample with the
// name of its metric as label __name__.
func Samples(exposition string) (model.Vector, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(exposition))
	if err != nil {
		return nil, err
	}
	var out model.Vector
	for _, f := range families {
		samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, f)
		if err != nil {
			return nil, err
		}
		out = append(out, samples...)
	}
	return out, nil
}

// Value is the value of a series, written as in an exposition, or "" where there
// is none.
func Value(exposition, series string) string {
	want, err := Samples(series + " 0\n")
	if err != nil || len(want) != 1 {
		return ""
	}
	all, err := Samples(exposition)
	if err != nil {
		return ""
	}
	for _, s := range all {
		if s.Metric.Equal(want[0].Metric) {
			return s.Value.String()
		}
	}
	return ""
}
