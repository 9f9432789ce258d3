// Package phrase keeps the words of a greeting, by language.
package phrase

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/text/language"
	"gopkg.in/yaml.v3"
)

// A Book holds one phrase for each of its languages. The first is used for
// whoever understands none of them.
type Book struct {
	tags    []language.Tag
	phrases []string
}

// Builtin returns the book that comes with the program.
func Builtin() Book {
	return Book{
		tags:    []language.Tag{language.English, language.French, language.German, language.Japanese, language.Spanish},
		phrases: []string{"Hello, {name}!", "Bonjour, {name} !", "Hallo, {name}!", "こんにちは、{name}さん！", "¡Hola, {name}!"},
	}
}

// maxSize is far beyond what anyone writes: one phrase for each language there is.
const maxSize = 1 << 20

// Open reads a book from a YAML file that maps language tags to phrases. The
// first language in the file is the one for whoever understands none of them.
func Open(path string) (Book, error) {
	f, err := os.Open(path)
	if err != nil {
		return Book{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1)) // the file may be a pipe that never ends
	if err != nil {
		return Book{}, err
	}
	if len(text) > maxSize {
		return Book{}, fmt.Errorf("%s: more than %d bytes", path, maxSize)
	}
	book, err := parse(text)
	if err != nil {
		return Book{}, fmt.Errorf("%s: %w", path, err)
	}
	return book, nil
}

func parse(text []byte) (Book, error) {
	var entries yaml.Node
	if err := yaml.Unmarshal(text, &entries); err != nil {
		return Book{}, err
	}
	if len(entries.Content) == 0 || entries.Content[0].Kind != yaml.MappingNode {
		return Book{}, fmt.Errorf("no languages with phrases")
	}
	var b Book
	for pair := entries.Content[0].Content; len(pair) > 1; pair = pair[2:] { // a map would lose the order
		tag, err := language.Parse(pair[0].Value)
		if err != nil {
			return Book{}, fmt.Errorf("line %d: language %q: %w", pair[0].Line, pair[0].Value, err)
		}
		phrase := printable(pair[1].Value)
		if !strings.Contains(phrase, "{name}") {
			return Book{}, fmt.Errorf("line %d: the phrase has no {name}", pair[1].Line)
		}
		b.tags, b.phrases = append(b.tags, tag), append(b.phrases, phrase)
	}
	if len(b.tags) == 0 {
		return Book{}, fmt.Errorf("no languages with phrases")
	}
	return b, nil
}

// Greet returns the greeting of name in the language of b that is closest to
// lang, a BCP 47 tag; an empty lang asks for none in particular.
func (b Book) Greet(lang, name string) (string, error) {
	name = printable(name)
	if name == "" {
		return "", fmt.Errorf("nobody to greet")
	}
	i := 0
	if lang != "" {
		tag, err := language.Parse(lang)
		if err != nil {
			return "", fmt.Errorf("language %q: %w", lang, err)
		}
		_, i, _ = language.NewMatcher(b.tags).Match(tag)
	}
	return strings.ReplaceAll(b.phrases[i], "{name}", name), nil
}

// printable drops what could drive a terminal rather than be read.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
	return strings.TrimSpace(s)
}
