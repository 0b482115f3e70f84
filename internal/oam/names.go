package oam

import "strings"

// A field is a documented name that somebody needs. The values from sessionID on
// are those of a session.
type field uint8

const (
	fieldNone    field = iota // nobody needs it
	fieldResults              // the answer itself, where a mapper names it
	fieldTotal
	fieldLink
	fieldSessions // a session, or some
	fieldScalar   // what a mapper wrapped in an object beside its type: {"@type": "xs:int", "$": 3}

	fieldSessionID
	fieldUserID
	fieldClientIP
	fieldStore
	fieldIndex
	fieldImpersonating
	fieldCreated
	fieldAccessed
	fieldExpires
	fieldAttributes

	fields
)

// names are the same in JSON and XML.
var names = [...]struct {
	name  string
	field field
}{
	{"sessionId", fieldSessionID}, {"userId", fieldUserID}, {"clientIp", fieldClientIP}, {"idStoreName", fieldStore},
	{"sessionIndex", fieldIndex}, {"isImpersonating", fieldImpersonating}, {"userAttributes", fieldAttributes},
	{"createTime", fieldCreated}, {"lastAccessTime", fieldAccessed}, {"expiryTime", fieldExpires},
	{"sessionData", fieldSessions}, {"sessions", fieldSessions}, {"totalRecords", fieldTotal}, {"SessionResults", fieldResults},
	{"firstLink", fieldLink}, {"nextLink", fieldLink}, {"previousLink", fieldLink}, {"$", fieldScalar}, {"#text", fieldScalar},
}

// A key is the name of a value.
type key struct {
	field field
	exact bool   // in the documented case: it counts more than one in another
	name  string // in userAttributes, if it matters there
}

// keyOf reads names without regard to case.
func keyOf(name []byte) key {
	for i := range names {
		if n := &names[i]; len(n.name) == len(name) && strings.EqualFold(n.name, string(name)) {
			return key{field: n.field, exact: n.name == string(name)}
		}
	}
	return key{}
}
