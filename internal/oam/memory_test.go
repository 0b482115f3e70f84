package oam

import (
	"compress/gzip"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// An answer of the largest size that is read costs a small multiple of that,
// whatever is in it. All that is allocated counts, so that what is in use at any
// moment is less.
func TestMemoryOfHostileAnswers(t *testing.T) {
	size, most := maxBody, uint64(16<<20)
	if raceEnabled {
		size, most = size>>3, 40<<20 // the detector is slow, and allocates; make test runs it without, too
	}
	fill := func(head, part, tail string) []byte {
		return []byte(head + strings.Repeat(part, (size-len(head)-len(tail))/len(part)) + tail)
	}
	const inRow, inAttributes = `{"totalRecords":1,"sessions":[{"userId":"a",`, `{"totalRecords":1,"sessions":[{"userId":"a","userAttributes":`
	const xmlRow, xmlEnd = `<SessionResults><totalRecords>1</totalRecords><sessions>`, `</sessions></SessionResults>`
	for name, c := range map[string]struct {
		body []byte
		kind string
	}{
		"values":                     {fill(`{"totalRecords":1,"sessions":[`, `0,`, `0]}`), ""},
		"empty lists":                {fill(`{"totalRecords":1,"x":[`, `[],`, `[]]}`), ""},
		"brackets":                   {fill(`{"x":`, `[`, ``), ""},
		"deep lists":                 {fill(`{"sessions":`, `[`, ``), ""},
		"keys":                       {fill(`{`, `"":0,`, `"":0}`), ""},
		"keys of a session":          {fill(inRow, `"":0,`, `"":0}]}`), ""},
		"keys that are needed":       {fill(inRow, `"userId":0,`, `"":0}]}`), ""},
		"addresses":                  {fill(inRow+`"clientIp":[`, `0,1,`, `0]}]}`), ""},
		"empty sessions":             {fill(`{"totalRecords":1,"sessions":[`, `{},`, `{}]}`), ""},
		"sessions":                   {fill(`{"totalRecords":1,"sessions":[`, `{"userId":1},`, `{}]}`), ""},
		"answers in answers":         {fill(`{`, `"SessionResults":{},`, `"":0}`), ""},
		"long text":                  {fill(`{"totalRecords":"`, `a`, `"}`), ""},
		"long text of a session":     {fill(inRow+`"sessionId":"`, `a`, `"}]}`), ""},
		"long texts of a session":    {fill(inRow, `"clientIp":"`+strings.Repeat("x", 5000)+`",`, `"":0}]}`), ""},
		"escapes":                    {fill(`{"totalRecords":"`, `\u0041`, `"}`), ""},
		"long key":                   {fill(`{"`, `a`, `":0}`), ""},
		"long key of escapes":        {fill(`{"`, `\u0041`, `":0}`), ""},
		"control characters":         {fill(inRow+`"x":"`, "aaaaa\x01", `"}]}`), ""},
		"only control characters":    {fill(inRow+`"x":"`, "\x01", `"}]}`), ""},
		"user attributes":            {fill(inAttributes+`{`, `"a":0,`, `"":0}}]}`), ""},
		"attribute values":           {fill(inAttributes+`{"attrName":"x","attrValue":[`, `0,`, `0]}}]}`), ""},
		"attribute pairs":            {fill(inAttributes+`{"x":[`, `{"attrName":"a","attrValue":1},`, `0]}}]}`), ""},
		"attributes in attributes":   {fill(inAttributes+`{"value":[`, `{"value":1},`, `0]}}]}`), ""},
		"roles":                      {fill(inAttributes+`[`, `{"role":1},`, `0]}]}`), ""},
		"different roles":            {fill(inAttributes+`{`, `"role":"`+strings.Repeat("x", 1000)+`",`, `"":0}}]}`), ""},
		"latin 1":                    {fill(inRow+`"x":"`, "a\xFC", `"}]}`), "application/json; charset=iso-8859-1"},
		"only umlauts":               {fill(inRow+`"x":"`, "\xFC", `"}]}`), "application/json; charset=iso-8859-1"},
		"not UTF-8":                  {fill(inRow+`"x":"`, "\xFF", `"}]}`), ""},
		"UTF-16":                     {utf16le(string(fill(inRow+`"x":"`, "a", `"}]}`)))[:size], "application/json"},
		"elements":                   {fill(`<SessionResults>`, `<a/>`, `</SessionResults>`), ""},
		"elements of a session":      {fill(xmlRow, `<userId>a</userId>`, xmlEnd), ""},
		"XML sessions":               {fill(xmlRow, `<sessionData><userId>a</userId></sessionData>`, xmlEnd), ""},
		"open tags":                  {fill(`<SessionResults>`, `<a>`, ``), ""},
		"open tags that are needed":  {fill(`<SessionResults>`, `<sessions>`, ``), ""},
		"XML attributes":             {fill(`<SessionResults`, ` a=""`, `/>`), ""},
		"small tags":                 {fill(`<SessionResults>`, `<!-- -->a`, `</SessionResults>`), ""},
		"instructions":               {fill(`<SessionResults>`, `<?a?>`, `</SessionResults>`), ""},
		"long comment":               {fill(`<SessionResults><!--`, `a`, `--></SessionResults>`), ""},
		"long element":               {fill(xmlRow+`<userId>`, `a`, `</userId>`+xmlEnd), ""},
		"entities":                   {fill(xmlRow+`<userId>`, `&#1;`, `</userId>`+xmlEnd), ""},
		"entities without an end":    {fill(xmlRow+`<userId>`, `&`, `</userId>`+xmlEnd), ""},
		"forbidden characters":       {fill(xmlRow+`<userId>`, "\x01", `</userId>`+xmlEnd), ""},
		"user attributes in XML":     {fill(xmlRow+`<userAttributes>`, `<attrName>a</attrName><attrValue/>`, `</userAttributes>`+xmlEnd), ""},
		"deep user attributes":       {fill(xmlRow+`<userAttributes>`, `<value>`, ``), ""},
		"quotes without an end":      {fill(`<SessionResults a="`, `' `, ``), ""},
		"character data without end": {fill(`<SessionResults>`, `<![CDATA[`, ``), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			got, err := decode(c.body, c.kind, roleAttribute)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > most {
				t.Errorf("got %d MiB allocated, want at most %d", got>>20, most>>20)
			}
			t.Logf("%.1f MiB allocated in %s: %d rows, %v", float64(after.TotalAlloc-before.TotalAlloc)/(1<<20), took, len(got.rows), err)
		})
	}
}

func TestAnswersAreBounded(t *testing.T) {
	good := string(forms()[0].write(3, testRows(3)))
	for _, c := range []struct {
		size int
		zip  bool
		ok   bool
	}{{maxBody, false, true}, {maxBody, true, true}, {maxBody + 1, false, false}, {maxBody + 1, true, false}, {64 << 20, true, false}} {
		srv, _ := server(t, func(w http.ResponseWriter) {
			var out io.Writer = w
			if c.zip {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				defer z.Close()
				out = z
			}
			io.WriteString(out, good)
			io.WriteString(out, strings.Repeat(" ", c.size-len(good)))
		})
		got, err := source(t, srv.URL, nil).Snapshot(t.Context(), session.Want{})
		if c.ok && (err != nil || got.Total != 3) {
			t.Errorf("%d bytes, zipped %v: got %v, want 3 sessions", c.size, c.zip, err)
		}
		if r, _ := session.ReasonOf(err); !c.ok && (r != session.ReasonDecode || !strings.Contains(err.Error(), "larger than 2 MiB")) {
			t.Errorf("%d bytes, zipped %v: got %v, want it refused as larger than 2 MiB", c.size, c.zip, err)
		}
	}
}
