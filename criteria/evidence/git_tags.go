package evidence

import (
	"errors"
	"io"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// gitTags reads what "git show-ref --tags --dereference" writes: a line for
// each tag, and after an annotated one a line with "^{}" for what it points to.
//
// Without --dereference an annotated tag cannot be told from a lightweight one,
// and its own object then stands for its commit: that never equals a release's
// commit, so the mistake cannot become a pass. A repository without tags gives
// an empty file, as a failed command does; it is refused.
type gitTags struct{}

var _ criteria.Format = gitTags{}

func (gitTags) Name() string           { return "git-tags" }
func (gitTags) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactTags} }

func (gitTags) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	const peeled = "^{}"
	tags := &criteria.Tags{}
	seen := make(map[string]bool)
	text := string(data)
	if !strings.HasSuffix(text, "\n") {
		return criteria.Facts{}, errors.New("ends in the middle of a line: expected the whole output of git show-ref --tags --dereference")
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		fault := func(msg string) (criteria.Facts, error) {
			return criteria.Facts{}, &strict.Error{Line: n, Column: 1, Msg: msg}
		}
		hex, ref, ok := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		name, isTag := strings.CutPrefix(ref, "refs/tags/")
		if !ok || !isTag || strings.ContainsAny(name, " \t") {
			return fault("is no tag: expected <object id> refs/tags/<name>, as git show-ref --tags --dereference writes it")
		}
		object, err := criteria.ParseDigest("gitCommit:" + hex)
		if err != nil {
			return fault(err.Error())
		}
		if base, ok := strings.CutSuffix(name, peeled); ok {
			last := len(tags.Items) - 1
			if last < 0 || tags.Items[last].Name != base || !tags.Items[last].Object.IsZero() {
				return fault("says what a tag points to, without that tag's own line before it")
			}
			tags.Items[last].Object, tags.Items[last].Commit = tags.Items[last].Commit, object
			continue
		}
		switch {
		case name == "":
			return fault("names no tag")
		case seen[name]:
			return fault("tag " + name + " stands twice")
		}
		seen[name] = true
		tags.Items = append(tags.Items, criteria.Tag{Name: name, Commit: object})
	}
	return criteria.Facts{Tags: tags, Tool: criteria.Tool{Name: "git"}}, nil
}
