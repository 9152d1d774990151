# Writes a C++ source that holds a file: cmake -DINPUT=page.html -DOUTPUT=page.cpp -P embed.cmake
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"page.hpp\"

namespace hawser::tools {

static const char kPage[] = {${bytes}};

std::string_view page_template() { return {kPage, sizeof(kPage)}; }

}  // namespace hawser::tools
")
