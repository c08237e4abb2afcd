document.title = document.title.trim();
