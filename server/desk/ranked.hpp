// ranked.hpp - A set kept in order that also knows how many stand before whom.
//
// A treap: a search tree by order, a heap by weight, so it is as balanced as its weights are mixed. The weights are a
// hash of each element's own number, which never changes: no random number, and the shape depends on the members alone
// and not on how they came. The links lie inside the elements, so a set allocates nothing and an element lies in as
// many sets as it has links. All operations are O(log n); first() of an empty set is none.
//
// An element may not change in what orders it, nor move or go, while it is in a set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace deskd {

template <class T>
struct RankedLink {
  T* left{nullptr};
  T* right{nullptr};
  std::uint32_t count{0};  // of the elements below and this one; 0: in no set
  std::uint32_t weight{0};
};

// Neighbouring numbers get weights that have nothing to do with each other (the finalizer of splitmix64).
constexpr std::uint32_t ranked_weight(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>((number ^ (number >> 31)) >> 32);
}

// T's own before(a, b) is the order. It is total: never true both ways, always true one way for two different elements.
template <class T, RankedLink<T> T::*link>
class Ranked {
 public:
  Ranked() = default;
  Ranked(const Ranked&) = delete;
  Ranked& operator=(const Ranked&) = delete;

  std::size_t size() const { return count(root_); }
  bool empty() const { return root_ == nullptr; }

  T* first() const {
    T* at = root_;
    while (at != nullptr && (at->*link).left != nullptr) at = (at->*link).left;
    return at;
  }

  void insert(T& element, std::uint64_t number) {
    RankedLink<T>& mine = element.*link;
    mine.weight = ranked_weight(number);
    T** at = &root_;
    while (*at != nullptr && ((*at)->*link).weight >= mine.weight) {
      RankedLink<T>& passed = (*at)->*link;
      ++passed.count;
      at = before(element, **at) ? &passed.left : &passed.right;
    }
    split(*at, element, mine.left, mine.right);
    mine.count = count(mine.left) + count(mine.right) + 1;
    *at = &element;
  }

  void erase(T& element) {
    T** at = &root_;
    while (*at != &element) {
      RankedLink<T>& passed = (*at)->*link;
      --passed.count;
      at = before(element, **at) ? &passed.left : &passed.right;
    }
    RankedLink<T>& mine = element.*link;
    *at = merge(mine.left, mine.right);
    mine = {};
  }

  // How many of the set stand before this one, which may be in it or not.
  std::size_t ahead_of(const T& element) const {
    std::size_t sum{0};
    for (T* at = root_; at != nullptr;) {
      const RankedLink<T>& here = at->*link;
      if (before(*at, element)) {
        sum += count(here.left) + 1u;
        at = here.right;
      } else {
        at = here.left;
      }
    }
    return sum;
  }

  // The first in order for which `wanted` says true, or none. It is asked of each until then.
  template <class Wanted>
  T* find(Wanted&& wanted) const {
    return find_below(root_, wanted);
  }

 private:
  static std::uint32_t count(const T* at) { return at == nullptr ? 0 : (at->*link).count; }

  static void split(T* all, const T& by, T*& left, T*& right) {
    if (all == nullptr) {
      left = right = nullptr;
      return;
    }
    RankedLink<T>& here = all->*link;
    if (before(by, *all)) {
      right = all;
      split(here.left, by, left, here.left);
    } else {
      left = all;
      split(here.right, by, here.right, right);
    }
    here.count = count(here.left) + count(here.right) + 1;
  }

  static T* merge(T* left, T* right) {
    if (left == nullptr) return right;
    if (right == nullptr) return left;
    T* top = (left->*link).weight >= (right->*link).weight ? left : right;
    RankedLink<T>& here = top->*link;
    if (top == left) here.right = merge(here.right, right);
    else here.left = merge(left, here.left);
    here.count = count(here.left) + count(here.right) + 1;
    return top;
  }

  template <class Wanted>
  static T* find_below(T* at, Wanted& wanted) {
    if (at == nullptr) return nullptr;
    if (T* found = find_below((at->*link).left, wanted)) return found;
    if (wanted(*at)) return at;
    return find_below((at->*link).right, wanted);
  }

  T* root_{nullptr};
};

}  // namespace deskd
