"""Publishing: a finished run as a data set repository of the Hugging Face Hub.

    README.md                            the card, with the configurations in its front matter
    data/CONFIG/SPLIT.parquet            what `load_dataset(repo, CONFIG)` reads, with the types of `Format.features`
    files/FORMAT/...                     the same rows as the format's own files, which its trainers read from disk
    recipe.yaml  manifest.json           how it was made, without folders and addresses of the machine it was made on
    croissant.json                       the same in the Croissant vocabulary

`folder.py` writes the folder, `upload.py` puts it on the Hub. The same run gives the same bytes, so what is published
already is not uploaded again.
"""
