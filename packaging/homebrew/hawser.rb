# brew install --build-from-source ./hawser.rb, with the tarball of scripts/release beside this file: nothing is published yet.
# Not tested: there was no Homebrew. On macOS the library waits by poll(2) or kqueue, where nothing was run yet.
class Hawser < Formula
  desc "WebSocket library with a stable C API, and a program for the command-line"
  homepage "https://hawser.org/"
  url "file://#{__dir__}/hawser-0.1.0.tar.gz"
  license "MIT"

  depends_on "cli11" => :build
  depends_on "cmake" => :build
  depends_on "pkgconf" => :build
  depends_on "c-ares"
  depends_on "openssl@3"

  uses_from_macos "python" => :build
  uses_from_macos "zlib"

  def install
    system "cmake", "-S", ".", "-B", "build", "-DHAWSER_TESTS=OFF", "-DHAWSER_EXAMPLES=OFF", *std_cmake_args
    system "cmake", "--build", "build"
    system "cmake", "--install", "build"
  end

  test do
    (testpath/"version.c").write <<~C
      #include <hawser.h>
      #include <string.h>
      int main(void) {
        hws_manager *manager = hws_manager_new(NULL);
        hws_id id = hws_manager_listen(manager, "ws://127.0.0.1:0/", NULL);
        hws_manager_free(manager);
        return id > 0 && strcmp(hws_version(), "#{version}") == 0 ? 0 : 1;
      }
    C
    system ENV.cc, "version.c", "-I#{include}", "-L#{lib}", "-lhawser", "-o", "version"
    system "./version"
  end
end
