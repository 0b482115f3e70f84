package session

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/go-kit/log"
)

// A name is printed by nothing, however it is held.
func TestNamesDoNotPrint(t *testing.T) {
	const canary = "alice-canary"
	n := NewName(canary)
	names := SharedNames()
	names([]byte(canary))
	holder := struct {
		N Name
		P *Name
		L []Name
		M map[string]Name
		I Identity
		W Person
		n Name
		i *Identity
		w Person
		s func([]byte) Name
	}{n, &n, []Name{n}, map[string]Name{"k": n}, Identity{User: NewPerson(canary, ""), Moid: n}, Person{Name: n}, n, &Identity{Moid: n}, Person{Name: n}, names}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%10.3s"} {
		fmt.Fprintf(&out, verb+"\n", n)
		fmt.Fprintf(&out, verb+"\n", holder)
		fmt.Fprintf(&out, verb+"\n", holder.I)
		fmt.Fprintf(&out, verb+"\n", holder.I.User)
	}
	fmt.Fprintln(&out, n, holder)
	if err := json.NewEncoder(&out).Encode(holder); err != nil {
		t.Fatal(err)
	}
	if err := xml.NewEncoder(&out).Encode([]Name{n}); err != nil {
		t.Fatal(err)
	}
	for _, l := range []log.Logger{log.NewLogfmtLogger(&out), log.NewJSONLogger(&out)} {
		if err := l.Log("user", n, "all", fmt.Sprint(holder)); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); strings.Contains(got, canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) {
		t.Errorf("got the name in %q, want it nowhere", got)
	}
	if got := n.Open(); got != canary {
		t.Errorf("opened: got %q, want %q", got, canary)
	}
}

// Names that share memory are those that were made, whatever comes after them.
func TestNamesShareMemory(t *testing.T) {
	name := SharedNames()
	var made []Name
	var want []string
	for i := range 1000 {
		text := strings.Repeat(fmt.Sprintf("name-%d,", i), i%7)
		if i == 500 {
			text = strings.Repeat("long", sharedBytes)
		}
		buf := []byte(text)
		made, want = append(made, name(buf)), append(want, text)
		clear(buf)
	}
	for i, n := range made {
		if got := n.Open(); got != want[i] || n.IsZero() != (want[i] == "") {
			t.Errorf("name %d: got %.40q, want %.40q", i, got, want[i])
		}
	}
}
