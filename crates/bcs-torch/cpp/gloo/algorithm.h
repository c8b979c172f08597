// Gloo is inside libtorch, whose releases leave out its headers. These files declare the few types that
// ProcessGroupGloo.hpp names; nothing here is defined or called. Interfaces are those of the Gloo of libtorch 2.11.
#pragma once
