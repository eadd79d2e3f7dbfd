// deed_json.hpp - The body of a deed as the JSON that the table `deed` holds, and back.
//
// The field names are those of records.hpp; times are desk time in milliseconds. A field that is absent when read back
// has its default, so that an older row stays readable when a field is added.
#pragma once

#include <string>
#include <string_view>

#include "storage/stored.hpp"

namespace deskd {

std::string deed_to_json(const stored::DeedBody& body);

// Throws std::invalid_argument when the text is not the JSON of a deed of this kind (order, order_answer, rating).
stored::DeedBody deed_from_json(LineKind kind, std::string_view json);

// The kind of line that states a deed with this body.
LineKind kind_of(const stored::DeedBody& body);

}  // namespace deskd
