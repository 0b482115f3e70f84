package faults

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// shaped is an OAM with a session of each name, behind an effect.
func shaped(e Effect, names ...string) http.Handler {
	w := world.NewStatic(world.Static{API: session.OAM, Sessions: 0})
	w.AddN(session.OAM, len(names), func(i int, s *world.Session) { s.User = names[i] })
	return e.Always(oam.New(w, oam.Options{}))
}

func TestCharsets(t *testing.T) {
	const name = "Jürgen €uro \"<x>\" Ł"
	for charset, want := range map[Charset]string{
		Latin1:      "J\xfcrgen ?uro",
		Windows1252: "J\xfcrgen \x80uro",
		UTF8Mark:    name[:9],
		UTF16:       string(utf16Bytes("Jürgen €uro", true)),
		UTF16LE:     string(utf16Bytes("Jürgen €uro", false)),
	} {
		for accept, kind := range map[string]string{"application/json": "application/json", "": "application/xml"} {
			rec := testkit.Post(shaped(In(charset), name), oam.PathSearch, "{}", "Accept", accept)
			b := rec.Body.Bytes()
			if got := rec.Header().Get("Content-Type"); got != kind+"; charset="+string(charset) {
				t.Errorf("%s: %s; want %s", charset, got, kind+"; charset="+string(charset))
			}
			if !bytes.Contains(b, []byte(want)) || rec.Header().Get("Content-Length") != strconv.Itoa(len(b)) {
				t.Errorf("%s: %q of length %s; want %q in it", charset, b, rec.Header().Get("Content-Length"), want)
			}
			mark := map[Charset]string{UTF8Mark: "\xef\xbb\xbf", UTF16: "\xfe\xff"}[charset]
			if !strings.HasPrefix(string(b), mark) {
				t.Errorf("%s begins with %q, want %q", charset, b[:4], mark)
			}
			declared := strings.Contains(strings.ReplaceAll(string(b), "\x00", ""), `encoding="`+string(charset)+`"`)
			if declared != (accept == "") {
				t.Errorf("%s, %s: declared %v; want %v", charset, kind, declared, accept == "")
			}
		}
	}
	if rec := testkit.Post(In(UTF16).Always(oam.New(world.NewStatic(world.Static{API: session.OAM}), oam.Options{NoMatch: oam.NoMatch204})), oam.PathSearch, "{}"); rec.Code != 204 || rec.Body.Len() > 0 {
		t.Errorf("%d %q; want 204, len 0", rec.Code, rec.Body)
	}
}

func utf16Bytes(s string, big bool) (out []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

func TestKeysInAnotherCase(t *testing.T) {
	const name = `a","userId":"b`
	for change, want := range map[string]func(string) string{"USERID": strings.ToUpper, "userid": strings.ToLower, "UserId": Capitals} {
		rec := testkit.Post(shaped(Keys(want), name), oam.PathSearch, "{}")
		var v map[string]any
		if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil || !strings.Contains(rec.Body.String(), `"`+change+`":"a\",\"userId\":\"b"`) {
			t.Errorf("%s: %v %s; want %q in it", change, err, rec.Body, `"`+change+`":"a\",\"userId\":\"b"`)
		}
		rec = testkit.Post(shaped(Keys(want), "<userId>", `say "`), oam.PathSearch, "{}", "Accept", "")
		if !strings.Contains(rec.Body.String(), "<"+change+">&lt;userId&gt;</"+change+">") || xml.Unmarshal(rec.Body.Bytes(), &struct{}{}) != nil {
			t.Errorf("%s: %s; want %q in it", change, rec.Body, "<"+change+">&lt;userId&gt;</"+change+">")
		}
	}
	if got := Capitals(`"Moid":`); got != `"moid":` {
		t.Errorf(`%v; want "\"moid\":"`, got)
	}
}

func TestRawControls(t *testing.T) {
	for _, accept := range []string{"application/json", ""} {
		b := testkit.Post(shaped(RawControls(1), "x@example.com"), oam.PathSearch, "{}", "Accept", accept).Body.Bytes()
		if !bytes.Contains(b, []byte("x@exam\x01ple.com")) || accept != "" && json.Valid(b) || accept == "" && xml.Unmarshal(b, new(struct {
			Total string `xml:"totalRecords"`
		})) == nil {
			t.Errorf("%q; want a raw control in it, which makes it invalid", b)
		}
	}
}

func TestGateways(t *testing.T) {
	next := shaped(func(w http.ResponseWriter, r *http.Request, next http.Handler) { next.ServeHTTP(w, r) }, "x")
	do := func(e Effect) *httptest.ResponseRecorder {
		return testkit.Post(e.Always(next), oam.PathSearch, `{"userId":"secretuser"}`, "Authorization", "Bearer secrettoken")
	}
	if rec := do(Gateway(504)); rec.Code != 504 || !strings.Contains(rec.Body.String(), "504 Gateway Timeout") || rec.Header().Get("Content-Type") != "text/html" {
		t.Errorf(`%d %v %s; want 504, "504 Gateway Timeout" in it, Content-Type "text/html"`, rec.Code, rec.Header(), rec.Body)
	}
	if rec := do(MuteRefusal()); rec.Code != 400 || strings.Contains(rec.Body.String(), "Property") || !json.Valid(rec.Body.Bytes()) {
		t.Errorf("%d %s; want 400", rec.Code, rec.Body)
	}
	rec := do(Echo(502))
	var said struct{ Code, MessageID, TraceID, Message, Error string }
	if err := json.Unmarshal(rec.Body.Bytes(), &said); err != nil || rec.Code != 502 || said.Code != "secrettoken" || said.TraceID != "secrettoken" ||
		!strings.Contains(said.Message, "secretuser") || !strings.Contains(said.Error, "Bearer secrettoken") || rec.Header().Get("X-Starship-Traceid") != "secrettoken" {
		t.Errorf(`%v %d %v %s; want 502, said.Code "secrettoken", said.TraceID "secrettoken", said.Message "secretuser" in it, said.Error "Bearer secrettoken" in it, X-Starship-Traceid "secrettoken"`, err, rec.Code, rec.Header(), rec.Body)
	}
	if rec := do(Cached(5 * time.Minute)); rec.Code != 200 || rec.Header().Get("Age") != "300" {
		t.Errorf(`%v, %v; want 200, Age "300"`, rec.Code, rec.Header())
	}
	if rec := do(DateOff(-20 * 24 * time.Hour)); rec.Code != 200 || rec.Header().Get("Date") != "Tue, 10 Feb 2026 09:00:00 GMT" {
		t.Errorf(`%v, %v; want 200, Date "Tue, 10 Feb 2026 09:00:00 GMT"`, rec.Code, rec.Header())
	}
	if rec := do(Date("yesterday")); rec.Header().Get("Date") != "yesterday" {
		t.Errorf(`%v; want Date "yesterday"`, rec.Header())
	}
	for range 2 {
		size := 0
		for name, values := range do(GiantHeaders(1 << 20)).Header() {
			size += len(name) + len(values[0])
		}
		if size < 1<<20 || size > 1<<20+2000 {
			t.Errorf("%v; want at least %v, at most %v", size, 1<<20, 1<<20+2000)
		}
	}
}
