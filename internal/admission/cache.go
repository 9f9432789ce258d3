package admission

import (
	"container/list"
	"sync"
)

// cache keeps at most max values, those that were asked for last. How long a
// value counts is for who asks to say: a value knows it best.
type cache[K comparable, V any] struct {
	mu    sync.Mutex
	max   int
	by    map[K]*list.Element
	order list.List // the latest first
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{max: limit, by: make(map[K]*list.Element)}
}

func (c *cache[K, V]) get(k K) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.by[k]
	if e == nil {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

func (c *cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.by[k]; e != nil {
		e.Value.(*entry[K, V]).value = v
		c.order.MoveToFront(e)
		return
	}
	c.by[k] = c.order.PushFront(&entry[K, V]{k, v})
	for c.order.Len() > c.max {
		last := c.order.Back()
		delete(c.by, last.Value.(*entry[K, V]).key)
		c.order.Remove(last)
	}
}

func (c *cache[K, V]) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}
