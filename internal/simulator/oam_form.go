package simulator

import (
	"strconv"
	"strings"
	"time"
)

// OAMForm says what an answer looks like. No real JSON answer of this API is
// public, so each form that Java's JSON mappers are known to make is here.
type OAMForm struct {
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

// JSON and XML media types as WebLogic spells them.
const (
	oamJSON = "application/json"
	oamXML  = "application/xml"
)

func (f *OAMForm) encode(rows []Session, total int, accept string) (body []byte, contentType string) {
	if !f.XMLAlways && strings.Contains(strings.ToLower(accept), "json") {
		body, contentType = f.json(rows, total), oamJSON
	} else {
		body, contentType = f.xml(rows, total), oamXML
	}
	if f.ContentType != "" {
		contentType = f.ContentType
	}
	return body, contentType
}

func (f *OAMForm) json(rows []Session, total int) []byte {
	o := object{b: make([]byte, 0, 256+len(rows)*480)}
	o.open()
	if f.Wrapped {
		o.key("SessionResults")
		o.open()
	}
	if f.Extra {
		o.raw("firstLink", "null")
		o.raw("nextLink", `""`)
		o.raw("searchTime", `{"unit":"ms","value":[3]}`)
	}
	if f.TotalText {
		o.text("totalRecords", strconv.Itoa(total))
	} else {
		o.number("totalRecords", int64(total))
	}
	f.sessions(&o, rows)
	if f.Wrapped {
		o.shut()
	}
	o.shut()
	return o.b
}

func (f *OAMForm) sessions(o *object, rows []Session) {
	if len(rows) == 0 {
		switch f.None {
		case NoneEmptyObject:
			o.raw("sessions", "{}")
			return
		case NoneNull:
			o.raw("sessions", "null")
			return
		case NoneEmptyText:
			o.raw("sessions", `""`)
			return
		case NoneAbsent:
			return
		}
	}
	o.key("sessions")
	if !f.Array {
		o.open()
		o.key("sessionData")
	}
	one := f.CollapseOne && len(rows) == 1
	if !one {
		o.b = append(o.b, '[')
	}
	for n := range rows {
		if n > 0 {
			o.b = append(o.b, ',')
		}
		f.row(o, &rows[n])
	}
	if !one {
		o.b = append(o.b, ']')
	}
	if f.Array {
		o.begun = true
	} else {
		o.shut()
	}
}

func (f *OAMForm) row(o *object, s *Session) {
	o.open()
	o.text("sessionId", s.ID)
	f.time(o, "createTime", s.Created)
	f.time(o, "updateTime", s.Updated)
	f.time(o, "lastAccessTime", s.LastAccess)
	if !f.NoExpiryTime {
		f.time(o, "expiryTime", s.Expires)
	}
	o.text("userId", s.User)
	if s.ClientIP != "" {
		o.text("clientIp", s.ClientIP)
	}
	if s.Store != "" {
		o.text("idStoreName", s.Store)
	}
	flag := strconv.FormatBool(s.Impersonating)
	if f.BoolText {
		o.text("isImpersonating", flag)
	} else {
		o.raw("isImpersonating", flag)
	}
	if f.Extra {
		o.raw("sessionIndex", "null")
		o.raw("authLevel", `[2,{"scheme":"LDAPScheme"}]`)
	}
	f.attributes(o, s)
	o.shut()
}

func (f *OAMForm) attributes(o *object, s *Session) {
	if f.RoleAttribute == "" || s.Role == "" {
		return
	}
	pair := func(name, value string) {
		o.open()
		o.text("attrName", name)
		o.text("attrValue", value)
		o.shut()
	}
	list := func() { // another attribute first, so that it is not enough to take any
		o.b = append(o.b, '[')
		pair("mail", "someone@example.com")
		o.b = append(o.b, ',')
		pair(f.RoleAttribute, s.Role)
		o.b = append(o.b, ']')
		o.begun = true
	}
	o.key("userAttributes")
	switch f.Attributes {
	case AttributesList:
		list()
		return
	case AttributesWrapped:
		o.open()
		o.key("nameValueAttribute")
		list()
	case AttributesOne:
		o.open()
		o.key("nameValueAttribute")
		pair(f.RoleAttribute, s.Role)
	case AttributesNamed:
		o.open()
		o.key("mail")
		pair("mail", "someone@example.com")
		o.key(f.RoleAttribute)
		pair(f.RoleAttribute, s.Role)
	case AttributesPlain:
		o.open()
		o.text("mail", "someone@example.com")
		o.text(f.RoleAttribute, s.Role)
	}
	o.shut()
}

func (f *OAMForm) time(o *object, name string, t time.Time) {
	if t.IsZero() {
		return
	}
	if text := f.timeText(t); f.Times == FormEpoch && !f.TimesText {
		o.raw(name, text)
	} else {
		o.text(name, text)
	}
}

func (f *OAMForm) timeText(t time.Time) string {
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

func (f *OAMForm) xml(rows []Session, total int) []byte {
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
