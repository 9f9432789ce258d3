package evidence

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/internal/strict"
)

// epss reads the daily list of the Exploit Prediction Scoring System, as CSV
// (https://www.first.org/epss/data_stats), decompressed. Its first line is a
// comment that says by which model and when it was made.
type epss struct{}

func (epss) Name() string           { return "epss" }
func (epss) Gives() []criteria.Fact { return []criteria.Fact{criteria.FactPrediction} }

func (epss) Read(r io.Reader) (criteria.Facts, error) {
	data, err := strict.Read(r, strict.MaxReport)
	if err != nil {
		return criteria.Facts{}, err
	}
	f := criteria.Facts{Tool: criteria.Tool{Name: "EPSS"}, Prediction: &criteria.Prediction{Scores: make(map[string]float64)}}
	if comment, ok := bytes.CutPrefix(data, []byte("#")); ok {
		line, rest, _ := bytes.Cut(comment, []byte("\n"))
		if err := epssComment(&f, string(line)); err != nil {
			return criteria.Facts{}, err
		}
		data = rest
	}
	in := csv.NewReader(bytes.NewReader(data))
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil || len(header) < 2 || header[0] != "cve" || header[1] != "epss" {
		return criteria.Facts{}, errors.New("is no EPSS list: expected a header that begins with cve,epss")
	}
	for {
		row, err := in.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return criteria.Facts{}, fmt.Errorf("reading the list: %w", err)
		}
		id := strings.Clone(row[0])
		score, err := strconv.ParseFloat(row[1], 64)
		if err != nil || !(score >= 0 && score <= 1) {
			return criteria.Facts{}, fmt.Errorf("the score of %s is %q, expected a number from 0 to 1", id, row[1])
		}
		if !strings.HasPrefix(id, "CVE-") {
			return criteria.Facts{}, fmt.Errorf("%q is no CVE id", id)
		}
		if _, ok := f.Prediction.Scores[id]; ok {
			return criteria.Facts{}, fmt.Errorf("%s stands twice", id)
		}
		f.Prediction.Scores[id] = score
	}
	if len(f.Prediction.Scores) == 0 {
		return criteria.Facts{}, errors.New("lists no score")
	}
	return f, nil
}

// epssComment reads "model_version:v2025.03.14,score_date:2025-06-01T12:55:00Z".
func epssComment(f *criteria.Facts, line string) error {
	for _, field := range strings.Split(strings.TrimSpace(line), ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), ":")
		switch key {
		case "model_version":
			f.Tool.Version = value
		case "score_date":
			for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", time.DateOnly} {
				if t, err := time.Parse(layout, value); err == nil {
					f.Time = t
				}
			}
			if f.Time.IsZero() {
				return fmt.Errorf("score_date is %q, expected a time such as 2026-11-22T00:00:00+0000", value)
			}
		}
	}
	return nil
}
