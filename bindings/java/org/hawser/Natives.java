package org.hawser;

import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Cleaner;
import java.nio.file.Files;
import java.nio.file.Path;

/** Brings the native part in: from the jar, or from the folder that -Dorg.hawser.library.path names. */
final class Natives {
  static final Cleaner CLEANER = Cleaner.create();

  private static final String OURS = "libhawser_java.so";
  private static final String[] FILES = {"libhawser.so.0", OURS};  // the second finds the first beside itself

  private Natives() {}

  /** Once for each process: by HawserJNI when it is first used. */
  static void load() {
    String folder = System.getProperty("org.hawser.library.path");
    if (folder != null) {
      System.load(Path.of(folder, OURS).toAbsolutePath().toString());
      return;
    }
    try {
      loadFromJar("/native/" + platform() + "/");
    } catch (IOException e) {
      throw (Error) new UnsatisfiedLinkError("hawser: the native part can't be unpacked: " + e).initCause(e);
    }
  }

  /** "linux-x86_64": as uname says it. */
  private static String platform() {
    String machine = System.getProperty("os.arch");
    return System.getProperty("os.name").toLowerCase(java.util.Locale.ROOT) + "-" + (machine.equals("amd64") ? "x86_64" : machine);
  }

  /** The files are needed only until they are loaded: nothing is left behind, however the process ends. */
  private static void loadFromJar(String from) throws IOException {
    Path folder = Files.createTempDirectory("hawser-");
    try {
      for (String name : FILES) unpack(from + name, folder.resolve(name));
      System.load(folder.resolve(OURS).toString());
    } finally {
      for (String name : FILES) Files.deleteIfExists(folder.resolve(name));
      Files.delete(folder);
    }
  }

  private static void unpack(String from, Path to) throws IOException {
    try (InputStream resource = Natives.class.getResourceAsStream(from)) {
      if (resource != null) {
        Files.copy(resource, to);
        return;
      }
    }
    throw new UnsatisfiedLinkError("hawser: no native part for this platform in the jar (" + from
        + "); build it, and name its folder by -Dorg.hawser.library.path=FOLDER");
  }
}
