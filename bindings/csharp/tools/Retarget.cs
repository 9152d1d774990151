using System;
using System.Linq;
using Mono.Cecil;

/// <summary>Retarget FROM TO: an assembly of mcs, which knows Mono's class library alone, as one of .NET Standard
/// 2.1.</summary>
static class Retarget {
  private static readonly byte[] Token = {0xcc, 0x7b, 0x13, 0xff, 0xcd, 0x2d, 0xdd, 0x51};

  private static void Main(string[] arguments) {
    using (ModuleDefinition module = ModuleDefinition.ReadModule(arguments[0])) {
      foreach (AssemblyNameReference reference in module.AssemblyReferences.Where(IsOfMono)) {
        reference.Name = "netstandard";
        reference.Version = new Version(2, 1, 0, 0);
        reference.PublicKeyToken = Token;
      }
      module.Write(arguments[1]);
    }
  }

  private static bool IsOfMono(AssemblyNameReference reference) {
    return reference.Name == "mscorlib" || reference.Name == "System" || reference.Name == "System.Core";
  }
}
