package session

// Filter says which sessions of a source are wanted: those that fit all of its
// conditions. None fits every session.
type Filter []Condition

// Condition is a property of a session, by the key that the configuration has
// for it, and the values of which it must have one. Values are data: whoever
// sends them to an API quotes them.
type Condition struct {
	Key    string   `json:"key"`
	Values []string `json:"values"` // at least one, none twice
}

// Keys names the properties, in order, for people. It tells no value, as that
// may be a user.
func (f Filter) Keys() []string {
	keys := make([]string, len(f))
	for i, c := range f {
		keys[i] = c.Key
	}
	return keys
}
