package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/regular"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// maxChecksums bounds how many files one checksum file lists.
const maxChecksums = 100_000

// Checksums returns what a checksum file lists, by SHA-256 digest and in its
// order, after each file was found to have its checksum; a [*ChecksumError]
// says which has not. The file is in the format of sha256sum, sha384sum or
// sha512sum. Names are relative to the file's folder and stay within it, links
// included: a checksum file comes from whoever published the release.
func Checksums(ctx context.Context, file string) ([]criteria.Subject, error) {
	found, err := FindListed(ctx, Options{}, file)
	if err != nil {
		return nil, err
	}
	return subjects(found), nil
}

// FindListed is [Checksums] with all digests.
func FindListed(ctx context.Context, o Options, file string) ([]Artifact, error) {
	jobs, err := readChecksums(file)
	if err != nil {
		return nil, fmt.Errorf("reading checksums: %w", err)
	}
	folder, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, fmt.Errorf("reading checksums: %w", err)
	}
	defer folder.Close()
	for i := range jobs {
		name := filepath.FromSlash(jobs[i].name)
		jobs[i].open = func() (*os.File, error) {
			// Opening a pipe would block.
			if info, err := folder.Stat(name); err != nil {
				return nil, err
			} else if !info.Mode().IsRegular() {
				return nil, errors.New("is no regular file")
			}
			return folder.Open(name)
		}
	}
	return hash(ctx, jobs, o.Also)
}

func readChecksums(file string) ([]job, error) {
	data, err := regular.File(file, strict.MaxConfig)
	if err != nil {
		return nil, err
	}
	var jobs []job
	lines := make(map[string]int)
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		j, err := parseChecksum(strings.TrimRight(line, "\r\n"))
		if err != nil {
			return nil, &strict.Error{File: file, Line: number, Column: 1, Msg: err.Error()}
		}
		if first, ok := lines[j.name]; ok {
			return nil, &strict.Error{File: file, Line: number, Column: 1, Msg: fmt.Sprintf("%q stands twice, first on line %d", j.name, first)}
		}
		lines[j.name] = number
		if jobs = append(jobs, j); len(jobs) > maxChecksums {
			return nil, fmt.Errorf("%s lists more than %d files", file, maxChecksums)
		}
	}
	return jobs, nil
}

// byLength tells the algorithm of a checksum by its number of hex digits.
var byLength = [...]struct {
	digits    int
	algorithm string
}{{64, "sha256"}, {96, "sha384"}, {128, "sha512"}}

// parseChecksum reads one line: the checksum in hex, a space, a space or an
// asterisk, and the name. A backslash in front marks a name that is escaped
// (GNU coreutils, "cksum output modes").
func parseChecksum(line string) (job, error) {
	line, escaped := strings.CutPrefix(line, `\`)
	sum, name, ok := strings.Cut(line, " ")
	if !ok || len(name) < 2 || name[0] != ' ' && name[0] != '*' {
		return job{}, errors.New("expected a checksum, two spaces and a name, as sha256sum writes it")
	}
	name = name[1:]
	if escaped {
		var err error
		if name, err = unescape(name); err != nil {
			return job{}, err
		}
	}
	name = strings.TrimPrefix(name, "./")
	if !filepath.IsLocal(filepath.FromSlash(name)) || name == "." || strings.ContainsRune(name, 0) {
		return job{}, fmt.Errorf("%q leads out of the checksum file's folder", name)
	}
	for _, k := range byLength {
		if len(sum) == k.digits {
			want, err := criteria.ParseDigest(k.algorithm + ":" + strings.ToLower(sum))
			return job{name: name, want: want}, err
		}
	}
	return job{}, fmt.Errorf("%q is no checksum: expected 64, 96 or 128 hex digits", sum)
}

func unescape(name string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '\\' {
			b.WriteByte(name[i])
			continue
		}
		if i++; i == len(name) {
			return "", fmt.Errorf("%q ends in a backslash", name)
		}
		switch name[i] {
		case '\\':
			b.WriteByte('\\')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		default:
			return "", fmt.Errorf("%q has an unknown escape", name)
		}
	}
	return b.String(), nil
}
