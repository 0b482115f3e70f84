package intersight

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	for _, doc := range []string{
		``, ` `, `{}`, ` { } `, `[]`, `[[],[]]`, `{"a":{"b":[1,2,{"c":null}]}}`, `null`, `true`, `false`, `nul`, `truefalse`, `"a"`, `"a`, `"`, `"\"`, `"\\"`,
		`"\u12aF"`, `"\u12g4"`, `"\u12`, `"\x"`, `"\`, "\"\x01\"", "\"\x7f\"", "\"\xff\"", "\x00", "1\x00", `0`, `-0`, `01`, `-`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e-`, `1e`, `--1`, `+1`, `0x1`, `1 2`,
		`{`, `[`, `]`, `}`, `[}`, `{]`, `[1,]`, `[,1]`, `[1 2]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `{"a" : 1 , "b" : 2}`, `{"a":1 "b":2}`, `{1:2}`, `[1]]`, "\ufeff{}", "\u00a0{}", "[1,\v2]",
		`"\u00@0"`, `"\u0000"`, "\"\\u00\x100\"", `"\uD83D\uDE00"`, `[tru]`, `{"a":nulll}`,
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
		strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth), strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 1<<20),
	} {
		if got, want := valid([]byte(doc)), json.Valid([]byte(doc)); got != want {
			t.Errorf("%.40q: %t, json.Valid says %t", doc, got, want)
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range []string{`{"a":[1.5e-3,"\u12aF\n",null,true,false]}`, `[[]]`, `"\`, `-0.`, "\"\x01\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if got, want := valid(doc), json.Valid(doc); got != want {
			t.Errorf("%q: %t, json.Valid says %t", doc, got, want)
		}
	})
}
