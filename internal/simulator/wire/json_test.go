package wire

import (
	"encoding/json"
	"testing"
)

func TestObject(t *testing.T) {
	var o Object
	o.Open()
	o.Text("text", "a\"\\\n\x00é\u2028")
	o.Number("number", -7)
	o.Key("inner")
	o.Open()
	o.Raw("raw", "[null]")
	o.Close()
	o.Key("none")
	o.List(0, nil)
	o.Key("list")
	o.List(2, func(i int) {
		o.Open()
		o.Number("i", int64(i))
		o.Close()
	})
	o.Raw("last", "true")
	o.Close()
	const want = `{"text":"a\"\\\u000a\u0000é` + "\u2028" + `","number":-7,"inner":{"raw":[null]},"none":[],"list":[{"i":0},{"i":1}],"last":true}`
	if got := string(o.B); got != want || !json.Valid(o.B) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A text that is not UTF-8 is sent as it is.
func TestTextIsNotMended(t *testing.T) {
	if got, want := string(AppendText(nil, "a\xff")), "\"a\xff\""; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
