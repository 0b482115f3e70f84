package oam

import "testing"

func BenchmarkDecode(b *testing.B) {
	for name, body := range map[string][]byte{
		"JSON": forms()[0].write(40, testRows(28)),
		"XML":  xmlStyle{sep: " "}.write(40, testRows(28)),
	} {
		b.Run(name+" of 28 rows", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if r, err := decode(body, "", roleAttribute); err != nil || len(r.rows) != 28 {
					b.Fatal(err)
				}
			}
		})
	}
}
