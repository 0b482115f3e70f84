package helm

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

const valuesSchema = "iam-session-exporter/values.schema.json"

// The schema of the values has that of the configuration: Helm refuses an error
// in it before the running exporter is replaced by one that would not start. The
// rest of the file is written by hand.
func TestSchema(t *testing.T) {
	config := document(t, "../../config/iam_session_exporter.schema.json", "#/definitions/", "#/definitions/config_")
	values := document(t, valuesSchema, "", "")
	definitions := values["definitions"].(map[string]any)
	for name := range definitions {
		if name == "config" || strings.HasPrefix(name, "config_") {
			delete(definitions, name)
		}
	}
	for name, definition := range config["definitions"].(map[string]any) {
		definitions["config_"+name] = definition
	}
	for _, key := range []string{"$id", "$schema", "definitions"} {
		delete(config, key)
	}
	definitions["config"] = config

	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(values); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(valuesSchema, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(valuesSchema); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is out of date, run make docs: got %d bytes, want %d, %v", valuesSchema, len(got), want.Len(), err)
	}
}

// document reads a JSON object, with one text replaced by another.
func document(t *testing.T, file, old, new string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if old != "" {
		text = bytes.ReplaceAll(text, []byte(old), []byte(new))
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var all map[string]any
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}
