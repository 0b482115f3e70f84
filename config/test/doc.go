// Package test holds the JSON schema of the configuration against the parser: over
// the corpus of good and bad configurations, over each key of the schema, and over
// the examples of the repository. It is a module of its own, so that the exporter
// does not depend on a library for JSON schemas.
package test
