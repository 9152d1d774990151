using System;
using System.IO;
using System.IO.Packaging;
using System.Linq;
using System.Xml.Linq;

/// <summary>CheckPackage FILE: reads a NuGet package as NuGet does, and prints its name, version and parts.</summary>
static class CheckPackage {
  private const string Manifest = "http://schemas.microsoft.com/packaging/2010/07/manifest";

  private static void Main(string[] arguments) {
    using (Package package = Package.Open(arguments[0], FileMode.Open, FileAccess.Read)) {
      PackageRelationship relationship = package.GetRelationshipsByType(Manifest).Single();
      XDocument nuspec = XDocument.Load(package.GetPart(relationship.TargetUri).GetStream());
      foreach (string name in new[] {"id", "version"})
        Console.WriteLine(nuspec.Descendants().Single(element => element.Name.LocalName == name).Value);
      foreach (PackagePart part in package.GetParts()) Console.WriteLine(part.Uri);
    }
  }
}
