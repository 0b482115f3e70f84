package oam

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"iam_session_exporter/internal/simulator/wire"
	"iam_session_exporter/internal/simulator/world"
)

// Form says what an answer looks like. No real JSON answer of this API is
// public, so each form that Java's JSON mappers are known to make is here.
type Form struct {
	XMLAlways bool // whatever Accept says; otherwise JSON only if Accept names it

	Array       bool     // "sessions":[...] instead of "sessions":{"sessionData":[...]}
	CollapseOne bool     // a list of one is the object alone
	Wrapped     bool     // everything under {"SessionResults":...}
	None        NoneForm // what no sessions look like
	TotalText   bool     // "totalRecords":"2"
	BoolText    bool     // "isImpersonating":"false"
	Extra       bool     // members nobody has documented

	Times     TimeForm
	TimesText bool           // FormEpoch as a string
	Millis    bool           // print milliseconds as they are, not .000
	Zone      *time.Location // default UTC-7

	NoExpiryTime bool // as before 12.2.1.3.171121

	RoleAttribute string // name of the attribute that holds the role; "": no attributes
	Attributes    AttributesForm

	ContentType string // sent instead of the right one
}

// NoneForm is what "sessions" is when there are none.
type NoneForm int

const (
	NoneEmptyList   NoneForm = iota // {"sessionData":[]}, or [] with Array
	NoneEmptyObject                 // {}
	NoneNull
	NoneEmptyText
	NoneAbsent
)

// AttributesForm is what "userAttributes" looks like.
type AttributesForm int

const (
	AttributesWrapped AttributesForm = iota // {"nameValueAttribute":[{"attrName":"role","attrValue":"x"}]}
	AttributesList                          // [{"attrName":"role","attrValue":"x"}]
	AttributesNamed                         // {"role":{"attrName":"role","attrValue":"x"}}
	AttributesPlain                         // {"role":"x"}
	AttributesOne                           // {"nameValueAttribute":{"attrName":"role","attrValue":"x"}}
)

// typeXML is the media type of XML as WebLogic spells it.
const typeXML = "application/xml"

func (f *Form) encode(rows []world.Session, total int, accept string) (body []byte, contentType string) {
	if !f.XMLAlways && strings.Contains(strings.ToLower(accept), "json") {
		body, contentType = f.json(rows, total), wire.JSON
	} else {
		body, contentType = f.xml(rows, total), typeXML
	}
	if f.ContentType != "" {
		contentType = f.ContentType
	}
	return body, contentType
}

func (f *Form) json(rows []world.Session, total int) []byte {
	o := wire.Object{B: make([]byte, 0, 256+len(rows)*480)}
	o.Open()
	if f.Wrapped {
		o.Key("SessionResults")
		o.Open()
	}
	if f.Extra {
		o.Raw("firstLink", "null")
		o.Raw("nextLink", `""`)
		o.Raw("searchTime", `{"unit":"ms","value":[3]}`)
	}
	if f.TotalText {
		o.Text("totalRecords", strconv.Itoa(total))
	} else {
		o.Number("totalRecords", int64(total))
	}
	f.sessions(&o, rows)
	if f.Wrapped {
		o.Close()
	}
	o.Close()
	return o.B
}

func (f *Form) sessions(o *wire.Object, rows []world.Session) {
	if len(rows) == 0 {
		switch f.None {
		case NoneEmptyObject:
			o.Raw("sessions", "{}")
			return
		case NoneNull:
			o.Raw("sessions", "null")
			return
		case NoneEmptyText:
			o.Raw("sessions", `""`)
			return
		case NoneAbsent:
			return
		}
	}
	o.Key("sessions")
	if !f.Array {
		o.Open()
		o.Key("sessionData")
	}
	if f.CollapseOne && len(rows) == 1 {
		f.row(o, &rows[0])
	} else {
		o.List(len(rows), func(n int) { f.row(o, &rows[n]) })
	}
	if !f.Array {
		o.Close()
	}
}

func (f *Form) row(o *wire.Object, s *world.Session) {
	o.Open()
	o.Text("sessionId", s.ID)
	f.time(o, "createTime", s.Created)
	f.time(o, "updateTime", s.Updated)
	f.time(o, "lastAccessTime", s.LastAccess)
	if !f.NoExpiryTime {
		f.time(o, "expiryTime", s.Expires)
	}
	o.Text("userId", s.User)
	if s.ClientIP != "" {
		o.Text("clientIp", s.ClientIP)
	}
	if s.Store != "" {
		o.Text("idStoreName", s.Store)
	}
	flag := strconv.FormatBool(s.Impersonating)
	if f.BoolText {
		o.Text("isImpersonating", flag)
	} else {
		o.Raw("isImpersonating", flag)
	}
	if f.Extra {
		o.Raw("sessionIndex", "null")
		o.Raw("authLevel", `[2,{"scheme":"LDAPScheme"}]`)
	}
	f.attributes(o, s)
	o.Close()
}

func (f *Form) attributes(o *wire.Object, s *world.Session) {
	if f.RoleAttribute == "" || s.Role == "" {
		return
	}
	pair := func(name, value string) {
		o.Open()
		o.Text("attrName", name)
		o.Text("attrValue", value)
		o.Close()
	}
	list := func() { // another attribute first, so that it is not enough to take any
		attributes := [][2]string{{"mail", "someone@example.com"}, {f.RoleAttribute, s.Role}}
		o.List(len(attributes), func(n int) { pair(attributes[n][0], attributes[n][1]) })
	}
	o.Key("userAttributes")
	switch f.Attributes {
	case AttributesList:
		list()
		return
	case AttributesWrapped:
		o.Open()
		o.Key("nameValueAttribute")
		list()
	case AttributesOne:
		o.Open()
		o.Key("nameValueAttribute")
		pair(f.RoleAttribute, s.Role)
	case AttributesNamed:
		o.Open()
		o.Key("mail")
		pair("mail", "someone@example.com")
		o.Key(f.RoleAttribute)
		pair(f.RoleAttribute, s.Role)
	case AttributesPlain:
		o.Open()
		o.Text("mail", "someone@example.com")
		o.Text(f.RoleAttribute, s.Role)
	}
	o.Close()
}

func (f *Form) time(o *wire.Object, name string, t time.Time) {
	if t.IsZero() {
		return
	}
	if text := f.timeText(t); f.Times == FormEpoch && !f.TimesText {
		o.Raw(name, text)
	} else {
		o.Text(name, text)
	}
}

func (f *Form) timeText(t time.Time) string {
	if !f.Millis {
		t = t.Truncate(time.Second)
	}
	zone := f.Zone
	if zone == nil {
		zone = time.FixedZone("", -7*60*60)
	}
	t = t.In(zone)
	switch f.Times {
	case FormZulu:
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	case FormCompact:
		return t.Format("2006-01-02T15:04:05.000-0700")
	case FormEpoch:
		return strconv.FormatInt(t.UnixMilli(), 10)
	case FormSeconds:
		return t.Format(time.RFC3339)
	}
	return t.Format("2006-01-02T15:04:05.000-07:00")
}

func (f *Form) xml(rows []world.Session, total int) []byte {
	b := make([]byte, 0, 256+len(rows)*640)
	element := func(name, value string) {
		b = append(append(append(b, '<'), name...), '>')
		b = appendXML(b, value)
		b = append(append(append(b, "</"...), name...), '>')
	}
	instant := func(name string, t time.Time) {
		if !t.IsZero() {
			element(name, f.timeText(t))
		}
	}
	b = append(b, `<?xml version="1.0" encoding="UTF-8"?><SessionResults>`...)
	if f.Extra {
		b = append(b, `<nextLink/>`...)
	}
	element("totalRecords", strconv.Itoa(total))
	if len(rows) == 0 {
		if f.None != NoneAbsent {
			b = append(b, "<sessions/>"...)
		}
		return append(b, "</SessionResults>\n"...)
	}
	b = append(b, "<sessions>"...)
	for n := range rows {
		s := &rows[n]
		b = append(b, "<sessionData>"...)
		element("sessionId", s.ID)
		instant("createTime", s.Created)
		instant("updateTime", s.Updated)
		instant("lastAccessTime", s.LastAccess)
		if !f.NoExpiryTime {
			instant("expiryTime", s.Expires)
		}
		element("userId", s.User)
		if s.ClientIP != "" {
			element("clientIp", s.ClientIP)
		}
		if s.Store != "" {
			element("idStoreName", s.Store)
		}
		element("isImpersonating", strconv.FormatBool(s.Impersonating))
		if f.RoleAttribute != "" && s.Role != "" {
			b = append(b, "<userAttributes><nameValueAttribute>"...)
			element("attrName", "mail")
			element("attrValue", "someone@example.com")
			b = append(b, "</nameValueAttribute><nameValueAttribute>"...)
			element("attrName", f.RoleAttribute)
			element("attrValue", s.Role)
			b = append(b, "</nameValueAttribute></userAttributes>"...)
		}
		b = append(b, "</sessionData>"...)
	}
	return append(b, "</sessions></SessionResults>\n"...)
}

// appendXML appends s as XML character data. What XML can't carry becomes U+FFFD.
func appendXML(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == utf8.RuneError && size == 1, r < 0x20 && r != '\t' && r != '\n', r == 0xfffe, r == 0xffff:
			b = append(b, "\uFFFD"...)
		default:
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return b
}
