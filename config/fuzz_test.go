package config

import (
	"errors"
	"os"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"good.txtar", "bad/*.txtar"} {
		for _, data := range inputs(f, pattern) {
			f.Add(data)
		}
	}
	for input := range encodings {
		f.Add([]byte(input))
	}
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data, "iam.yml", "/etc/iam")
		if err != nil {
			es, ok := errors.AsType[Errors](err)
			if !ok || len(es) == 0 || c != nil {
				t.Fatalf("%T, %d, %v; want more than 0", err, len(es), c)
			}
			for _, e := range es {
				if e.Message == "" || e.Line < 0 || hasControl(e.Error()) {
					t.Fatalf(`%q: not one clean line; want Message other than "", Line at least 0`, e)
				}
			}
			return
		}
		invariants(t, c)
		again, err := Parse(data, "iam.yml", "/etc/iam")
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range c.Sources {
			if s.Fingerprint() != again.Sources[i].Fingerprint() {
				t.Errorf("sources[%d] differs when read twice", i)
			}
		}
		readsBack(t, c)
	})
}
