package charset

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

const limit = 1 << 20

func TestDeclared(t *testing.T) {
	for contentType, want := range map[string]string{
		"":                                    "",
		"application/json":                    "",
		"charset=utf-8":                       "",
		"application/json;charset=ISO-8859-1": "ISO-8859-1",
		"application/json ; Charset = 'utf-8' ;x": "utf-8",
		`text/xml; version=1; charset="utf-16"`:   "utf-16",
		"application/json; charset":               "",
		"a/b; charset=x; charset=y":               "x",
	} {
		if got := Declared(contentType); got != want {
			t.Errorf("%q: %q, want %q", contentType, got, want)
		}
	}
}

func TestUTF8(t *testing.T) {
	for _, c := range []struct{ name, charset, body, want string }{
		{"plain", "", "{}", "{}"},
		{"empty", "", "", ""},
		{"one byte", "", "\x00", "\x00"},
		{"valid UTF-8", "UTF-8", "Jürgen", "Jürgen"},
		{"a mark", "", "\xEF\xBB\xBF{}", "{}"},
		{"a mark only", "", "\xEF\xBB\xBF", ""},
		{"a mark outranks the name", "iso-8859-1", "\xEF\xBB\xBFü", "ü"},
		{"an unknown name", "klingon", "ü", "ü"},
		{"an unknown name, invalid", "klingon", "\xFC", "\uFFFDFC"},
		{"a name that stands for none", "iso-2022-kr", "ü", "ü"},
		{"invalid UTF-8", "utf8", "a\xFCb\xE2\x82c", "a\uFFFDFCb\uFFFDE2\uFFFD82c"},
		{"the replacement character itself", "utf-8", "a\uFFFDb", "a\uFFFDb"},
		{"latin 1", "ISO-8859-1", "J\xFCrgen", "Jürgen"},
		{"latin 1 as Windows writes it", "iso-8859-1", "\x80", "€"},
		{"windows-1252", "Windows-1252", "\x93a\x94", "“a”"},
		{"latin 9", "ISO-8859-15", "\xA4", "€"},
		{"not in windows-1253", "windows-1253", "\xAA\xFF\xE1", "\uFFFDAA\uFFFDFFα"},
		{"us-ascii", "US-ASCII", "a\xFC", "aü"},
		{"shift_jis", "Shift_JIS", "a\x83\x65\x83\x58b", "aテスb"},
		{"half a character", "shift_jis", "a\x83", "a\uFFFD83"},
		{"gbk", "gbk", "\xD6\xD0", "中"},
		{"gb18030, four bytes", "gb18030", "\x81\x30\x81\x30a", "\u0080a"},
		{"big5", "big5", "\xA4\xA4\xFFb", "中\uFFFDFFb"},
		{"euc-kr", "euc-kr", "\xC7\xD1", "한"},
		{"shifts", "iso-2022-jp", "a\x1b$BF|\x1b(Bb", "a日b"},
		{"shifts, undecodable", "iso-2022-jp", "a\xFFb", "a\uFFFDFFb"},
		{"utf-16 with a mark", "utf-16", "\xFE\xFF\x00{\x00}", "{}"},
		{"utf-16 with the other mark", "utf-16", "\xFF\xFE{\x00}\x00", "{}"},
		{"utf-16 without one", "utf-16", "\x00{\x00}", "{}"},
		{"utf-16 without one, little", "UTF-16", "{\x00\xFC\x00", "{ü"},
		{"utf-16le", "utf-16le", "\x3D\xD8\x00\xDE", "😀"},
		{"utf-16be", "utf-16be", "\xD8\x3D\xDE\x00", "😀"},
		{"half a pair", "utf-16be", "\xD8\x3D\x00a\xDE\x00\xD8\x3D", "\uFFFDD83Da\uFFFDDE00\uFFFDD83D"},
		{"two halves that are no pair", "utf-16be", "\xD8\x3D\xD8\x3D", "\uFFFDD83D\uFFFDD83D"},
		{"half a unit", "utf-16le", "a\x00b", "a\uFFFD62"},
		{"undeclared utf-16", "", "{\x00}\x00", "{}"},
		{"undeclared utf-16, big", "", "\x00{\x00}", "{}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := UTF8(c.charset, []byte(c.body), limit)
			if err != nil || string(got) != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// Texts that differ only in what can't be decoded stay different.
func TestDifferentStaysDifferent(t *testing.T) {
	for _, name := range []string{"utf-8", "windows-1253", "iso-8859-7", "shift_jis", "gbk", "gb18030", "big5", "euc-kr", "euc-jp", "koi8-r", "iso-2022-jp"} {
		seen := map[string]byte{}
		for b := byte(0x80); b != 0; b++ {
			got, err := UTF8(name, []byte{'<', b, '>'}, limit)
			if err != nil || !utf8.Valid(got) {
				t.Errorf("%s, byte %X: %q, %v", name, b, got, err)
			}
			if other, ok := seen[string(got)]; ok {
				t.Errorf("%s: bytes %X and %X are both %q", name, other, b, got)
			}
			seen[string(got)] = b
		}
	}
}

func TestUTF8SharesMemory(t *testing.T) {
	body := []byte("\xEF\xBB\xBF" + strings.Repeat("ü", 1000))
	got, err := UTF8("utf-8", body, limit)
	if err != nil || &got[0] != &body[3] {
		t.Errorf("copied, %v", err)
	}
	if n := testing.AllocsPerRun(10, func() { UTF8("utf-8", body, limit) }); n > 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}

func TestLimit(t *testing.T) {
	for name, unit := range map[string]string{"utf-8": "\xFF", "utf-16le": "\xFF\xFE", "windows-1252": "\x80", "gbk": "\x80\xFF", "iso-2022-jp": "\xFF", "": "ü"} {
		if _, err := UTF8(name, bytes.Repeat([]byte(unit), limit), limit); err != ErrTooLarge {
			t.Errorf("%q: %v, want %v", name, err, ErrTooLarge)
		}
	}
	if got := CleanJSON([]byte(`"`+strings.Repeat("\x01", limit)+`"`), limit); got != nil {
		t.Errorf("%d bytes, want none", len(got))
	}
}

func TestCleanJSON(t *testing.T) {
	for doc, want := range map[string]string{
		"{}":                          "",
		"{\r\n\t\"a\": \"b\"}":        "",
		`["\\", "\"", "\u0001"]`:      "",
		"[\"a\x01b\"]":                `["a�01b"]`,
		"[\"a\tb\n\"]\n":              `["a�09b�0A"]` + "\n",
		"[\"\\\x02\"]":                `["\\�02"]`,
		"[\"\\\\\x02\",\"\\\"\x03\"]": `["\\�02","\"�03"]`,
		"\x00{\"a\"\x0b:\x0c1}\x00":   ` {"a" : 1} `,
		"[\"a\x1fb\", \"\x00\"]":      `["a�1Fb", "�00"]`,
		"[\"open \x01":                `["open �01`,
	} {
		got := CleanJSON([]byte(doc), limit)
		if string(got) != want {
			t.Errorf("%q: %q, want %q", doc, got, want)
		}
	}
}

func TestAppendUnquoted(t *testing.T) {
	for quoted, want := range map[string]string{
		`""`:                   "",
		`"ü"`:                  "ü",
		`"\"\\\/\b\f\n\r\t"`:   "\"\\/\b\f\n\r\t",
		`"\u00fc\u00FC\u20ac"`: "üü€",
		`"\ud83d\ude00!"`:      "😀!",
		`"\ud83d"`:             "\uFFFDD83D",
		`"\ud83d\u0061"`:       "\uFFFDD83Da",
		`"\ude00\ud83d\ude00"`: "\uFFFDDE00😀",
		`"\ud83d\n"`:           "\uFFFDD83D\n",
		`"\ufffd"`:             "\uFFFD",
	} {
		if got := AppendUnquoted([]byte("x"), []byte(quoted)); string(got) != "x"+want {
			t.Errorf("%s: %q, want %q", quoted, got[1:], want)
		}
	}
}

func FuzzUTF8(f *testing.F) {
	f.Add("shift_jis", []byte("a\x83"))
	f.Add("utf-16", []byte("\xD8\x3D\x00"))
	f.Add("iso-2022-jp", []byte("\x1b$B\x1b"))
	f.Add("", []byte("\xFF\xFE\xFF"))
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		got, err := UTF8(name, body, 1<<12)
		if err == nil && (!utf8.Valid(got) || len(got) > 1<<12) {
			t.Errorf("%q", got)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte("[\"\\\x01\", \"\\ud83d\"]"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if clean := CleanJSON(doc, 1<<20); clean != nil {
			if json.Valid(doc) {
				t.Errorf("%q changed to %q", doc, clean)
			}
			if again := CleanJSON(clean, 1<<20); again != nil {
				t.Errorf("%q is still not clean", clean)
			}
		}
		var want string
		if len(doc) > 1 && doc[0] == '"' && utf8.Valid(doc) && json.Unmarshal(doc, &want) == nil && !strings.ContainsRune(want, utf8.RuneError) {
			if doc = bytes.TrimSpace(doc); string(AppendUnquoted(nil, doc)) != want {
				t.Errorf("%s: %q, want %q", doc, AppendUnquoted(nil, doc), want)
			}
		}
	})
}
